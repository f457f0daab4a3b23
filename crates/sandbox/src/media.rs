//! Bodies in other forms than JSON: protobuf messages of built-in kinds, and YAML.
//!
//! Everything inside knows JSON only; requests are brought into it at the door, and answers leave it there.
//!
//! Source: apimachinery `pkg/runtime/serializer/protobuf/protobuf.go`.

use bytes::Bytes;
use futures::StreamExt as _;
use http::{HeaderValue, Response, header};
use http_body::Frame;
use kluctl_object::Gvk;
use kluctl_schema::{decode_protobuf, encode_protobuf, has_protobuf, kubernetes};
use serde_json::{Value, json};

use crate::answer::{Content, SandboxBody};
use crate::request::Request;
use crate::status::ApiError;

/// The media type of protobuf bodies.
pub(crate) const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
/// The media type of YAML bodies.
pub(crate) const YAML: &str = "application/yaml";
/// With what every protobuf body starts.
const PREFIX: &[u8] = b"k8s\0";
const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1";
const UNKNOWN: &str = "io.k8s.apimachinery.pkg.runtime.Unknown";

/// The definition whose message a kind is.
fn definition(api_version: &str, kind: &str) -> Option<String> {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let known = kubernetes().definition_name(&Gvk::new(group, version, kind));
    let name = match known {
        Some(name) => name.to_owned(),
        None if group == "meta.k8s.io" || group.is_empty() => format!("{META}.{kind}"),
        None => {
            // Lists have no definition that is a kind of its own everywhere; they stand beside their items.
            let item = kind.strip_suffix("List")?;
            let name = kubernetes().definition_name(&Gvk::new(group, version, item))?;
            format!("{name}List")
        }
    };
    has_protobuf(&name).then_some(name)
}

/// A request whose protobuf body is JSON from here on; as it was when it has none.
pub(crate) fn read(request: &Request) -> Result<Option<Request>, ApiError> {
    if request.body.is_empty() || request.content_type() != PROTOBUF {
        return Ok(None);
    }
    let Some(rest) = request.body.strip_prefix(PREFIX) else {
        return Err(ApiError::bad_request(
            "the object provided is unrecognized (must be of type protobuf): provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]",
        ));
    };
    let refused = |error: kluctl_schema::ProtobufError| ApiError::bad_request(error.to_string());
    let envelope = decode_protobuf(UNKNOWN, rest).map_err(refused)?;
    let text = |pointer: &str| {
        envelope
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let (api_version, kind) = (text("/apiVersion"), text("/kind"));
    let raw = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD
            .decode(text("/raw"))
            .unwrap_or_default()
    };
    // Custom resources have no messages; whoever reads the body refuses it.
    let Some(name) = definition(&api_version, &kind) else {
        return Ok(None);
    };
    let mut value = decode_protobuf(&name, &raw).map_err(refused)?;
    value["apiVersion"] = Value::from(api_version);
    value["kind"] = Value::from(kind);
    let mut plain = request.clone();
    plain.body = serde_json::to_vec(&value).unwrap_or_default().into();
    plain
        .headers
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(Some(plain))
}

/// An object as a protobuf body; `None` when its kind has no message.
fn message(value: &Value) -> Option<Vec<u8>> {
    let api_version = value.get("apiVersion")?.as_str()?;
    let kind = value.get("kind")?.as_str()?;
    let raw = encode_protobuf(&definition(api_version, kind)?, value)?;
    let envelope = json!({"apiVersion": api_version, "kind": kind});
    let mut out = PREFIX.to_vec();
    out.extend(encode_protobuf(UNKNOWN, &envelope)?);
    bytes_field(2, &raw, &mut out);
    bytes_field(3, b"", &mut out);
    bytes_field(4, b"", &mut out);
    Some(out)
}

fn bytes_field(number: u8, content: &[u8], out: &mut Vec<u8>) {
    out.push(number << 3 | 2);
    let mut length = content.len();
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(content);
}

/// The first media type of an `Accept` header that answers can be given in.
pub(crate) fn accepted(accept: &str) -> &'static str {
    for part in accept.split(',') {
        match part.split(';').next().unwrap_or_default().trim() {
            PROTOBUF if !part.contains("as=Table") => return PROTOBUF,
            YAML => return YAML,
            "application/json" | "*/*" | "application/*" | "text/html" => break,
            _ => {}
        }
    }
    "application/json"
}

fn typed(mut response: Response<SandboxBody>, media: &'static str) -> Response<SandboxBody> {
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    response
}

/// An answer in the media type that the client wants, as far as there is one for it.
pub(crate) fn write(accept: &str, mut response: Response<SandboxBody>) -> Response<SandboxBody> {
    let media = accepted(accept);
    let is_json = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind == "application/json");
    if media == "application/json" || !is_json {
        return response;
    }
    match std::mem::replace(&mut response.body_mut().0, Content::Whole(None)) {
        Content::Whole(bytes) => {
            let body = bytes.unwrap_or_default();
            let value = serde_json::from_slice::<Value>(&body).ok();
            let other = match (media, &value) {
                (PROTOBUF, Some(value)) => message(value),
                (_, Some(value)) => Some(kluctl_yaml::to_string(value).into_bytes()),
                (_, None) => None,
            };
            match other {
                Some(other) => {
                    *response.body_mut() = SandboxBody::whole(other);
                    typed(response, media)
                }
                None => {
                    *response.body_mut() = SandboxBody::whole(body);
                    response
                }
            }
        }
        Content::Events(stream) if media == PROTOBUF => {
            let frames = stream.map(|frame| {
                frame.map(|frame| match frame.into_data() {
                    Ok(line) => Frame::data(event(&line)),
                    Err(frame) => frame,
                })
            });
            *response.body_mut() = SandboxBody::events(frames);
            typed(response, "application/vnd.kubernetes.protobuf;stream=watch")
        }
        events @ Content::Events(_) => {
            response.body_mut().0 = events;
            response
        }
    }
}

/// A line of a watch as a message with its length before it.
fn event(line: &Bytes) -> Bytes {
    let value: Value = serde_json::from_slice(line).unwrap_or_default();
    let kind = value["type"].as_str().unwrap_or_default();
    let Some(object) = message(&value["object"]) else {
        return line.clone();
    };
    let mut raw = Vec::new();
    bytes_field(1, &object, &mut raw);
    let mut out = Vec::new();
    bytes_field(1, kind.as_bytes(), &mut out);
    bytes_field(2, &raw, &mut out);
    let length = u32::try_from(out.len()).unwrap_or(u32::MAX);
    let mut frame = length.to_be_bytes().to_vec();
    frame.extend(out);
    frame.into()
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method};

    use super::*;
    use crate::request::Query;

    #[test]
    fn a_protobuf_body_is_read_as_json() {
        let map =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "v"}});
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROTOBUF));
        let request = |body: Vec<u8>| Request {
            method: Method::POST,
            path: String::new(),
            query: Query::default(),
            headers: headers.clone(),
            body: body.into(),
        };
        let plain = read(&request(message(&map).unwrap())).unwrap().unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&plain.body).unwrap(), map);
        assert_eq!(read(&request(b"{}".to_vec())).unwrap_err().code(), 400);
    }

    #[test]
    fn the_first_known_media_type_is_taken() {
        assert_eq!(
            accepted("application/cbor, application/vnd.kubernetes.protobuf,application/json"),
            PROTOBUF
        );
        assert_eq!(
            accepted("application/json, application/vnd.kubernetes.protobuf"),
            "application/json"
        );
        assert_eq!(accepted("application/yaml"), YAML);
    }

    #[test]
    fn lists_and_options_have_messages() {
        for (api_version, kind) in [
            ("apps/v1", "DeploymentList"),
            ("v1", "PodList"),
            ("v1", "Status"),
            ("apps/v1", "DeleteOptions"),
            ("v1", "DeleteOptions"),
            ("policy/v1", "Eviction"),
            ("autoscaling/v1", "Scale"),
            ("authentication.k8s.io/v1", "TokenRequest"),
            ("meta.k8s.io/v1", "PartialObjectMetadataList"),
        ] {
            assert!(definition(api_version, kind).is_some(), "{api_version} {kind}");
        }
    }
}
