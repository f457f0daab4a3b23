//! Answers: bodies, headers, and the form a client accepts.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{Stream as _, StreamExt as _};
use http::{HeaderValue, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use serde_json::Value;

use crate::request::Request;
use crate::status::ApiError;

/// The body of an answer: whole, or the events of a watch.
pub struct SandboxBody(pub(crate) Content);

/// What a body is made of.
pub(crate) enum Content {
    /// Everything at once.
    Whole(Option<Bytes>),
    /// Line by line.
    Events(BoxStream<'static, Result<Frame<Bytes>, Infallible>>),
}

impl SandboxBody {
    pub(crate) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self(Content::Whole(Some(bytes.into())))
    }

    pub(crate) fn events(
        stream: impl futures::Stream<Item = Result<Frame<Bytes>, Infallible>> + Send + 'static,
    ) -> Self {
        Self(Content::Events(stream.boxed()))
    }
}

impl Body for SandboxBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut self.get_mut().0 {
            Content::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Content::Events(stream) => Pin::new(stream).poll_next(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.0, Content::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Content::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Content::Events(_) => SizeHint::default(),
        }
    }
}

/// The form in which objects are answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As they are.
    Object,
    /// As rows of a `Table`.
    Table {
        version: String,
        /// `None`, `Metadata` or `Object`.
        include: String,
    },
    /// Only their metadata.
    Metadata { version: String, list: bool },
}

/// Reads `Accept`: the first form that can be given.
pub(crate) fn negotiate(request: &Request) -> Result<Form, ApiError> {
    let accept = request.header(header::ACCEPT.as_str());
    if accept.trim().is_empty() {
        return Ok(Form::Object);
    }
    for part in accept.split(',') {
        let mut parameters = part.split(';').map(str::trim);
        let media = parameters.next().unwrap_or_default();
        let mut kind = "";
        let mut group = "";
        let mut version = "v1";
        for parameter in parameters {
            match parameter.split_once('=') {
                Some(("as", value)) => kind = value,
                Some(("g", value)) => group = value,
                Some(("v", value)) => version = value,
                _ => {}
            }
        }
        if !matches!(
            media,
            "application/json"
                | "*/*"
                | "application/*"
                | "application/yaml"
                | "text/html"
                | crate::media::PROTOBUF
        ) || (media == crate::media::PROTOBUF && kind == "Table")
        {
            continue;
        }
        let known = group == "meta.k8s.io" && matches!(version, "v1" | "v1beta1");
        match kind {
            "" => return Ok(Form::Object),
            "Table" if known => {
                let include = match request.query.get("includeObject") {
                    "" => "Metadata",
                    other => other,
                };
                return Ok(Form::Table {
                    version: version.to_owned(),
                    include: include.to_owned(),
                });
            }
            "PartialObjectMetadata" | "PartialObjectMetadataList" if known => {
                return Ok(Form::Metadata {
                    version: version.to_owned(),
                    list: kind.ends_with("List"),
                });
            }
            _ => {}
        }
    }
    Err(ApiError::not_acceptable(
        "application/json, application/yaml, application/vnd.kubernetes.protobuf",
    ))
}

/// A `Warning` header's text.
fn warning(text: &str) -> Option<HeaderValue> {
    let mut quoted = String::with_capacity(text.len() + 10);
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(c);
            }
            c if c.is_control() => {}
            c => quoted.push(c),
        }
    }
    HeaderValue::from_str(&format!("299 - \"{quoted}\"")).ok()
}

/// An answer in JSON.
pub(crate) fn json(code: u16, body: impl Into<Bytes>, warnings: &[String]) -> Response<SandboxBody> {
    let mut response = Response::new(SandboxBody::whole(body));
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-cache, private"),
    );
    let mut told: Vec<&String> = Vec::new();
    for text in warnings {
        if !told.contains(&text) {
            told.push(text);
            if let Some(value) = warning(text) {
                headers.append(header::WARNING, value);
            }
        }
    }
    response
}

/// A value as an answer in JSON.
pub(crate) fn value(code: u16, value: &Value, warnings: &[String]) -> Response<SandboxBody> {
    json(code, serde_json::to_vec(value).unwrap_or_default(), warnings)
}

/// Plain text.
pub(crate) fn text(code: u16, text: &str) -> Response<SandboxBody> {
    let mut response = json(code, text.to_owned(), &[]);
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}

/// An error as an answer.
pub(crate) fn error(error: &ApiError, warnings: &[String]) -> Response<SandboxBody> {
    let mut response = value(error.code(), &error.to_value(), warnings);
    if matches!(error.code(), 429 | 504) {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method};

    use super::*;
    use crate::request::Query;

    fn accepting(accept: &str) -> Result<Form, ApiError> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_str(accept).unwrap());
        negotiate(&Request {
            method: Method::GET,
            path: String::new(),
            query: Query::default(),
            headers,
            body: Bytes::new(),
        })
    }

    #[test]
    fn the_first_known_form_is_given() {
        let kubectl = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
        assert!(matches!(accepting(kubectl).unwrap(), Form::Table { .. }));
        assert_eq!(
            accepting("application/vnd.kubernetes.protobuf,application/json").unwrap(),
            Form::Object
        );
        assert_eq!(accepting("image/png").unwrap_err().code(), 406);
    }
}
