//! A proxy in front of an API server that hurts chosen requests.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::backend::{Backend, Connection};
use crate::http::{read_body, read_headers};
use crate::{Reply, Request};

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The connection ends before the server sees the request.
    Cut,
    /// The server does what it was asked to, and its answer is lost.
    Lost,
    /// Half of the answer arrives.
    Torn,
    /// The request arrives late.
    Delay(Duration),
    /// The request arrives twice; the second answer counts.
    Twice,
    /// The request arrives once more after so many others.
    Late(usize),
    /// The server is busy, and says for how many seconds.
    Busy(u64),
    /// The server answers with this status and does nothing.
    Status(u16),
    /// The server does what it was asked to and answers with this status.
    StatusAfter(u16),
    /// No answer ever comes.
    Hang,
}

/// Which request, counted from 0, has which fault.
pub type Faults = Box<dyn Fn(usize, &Request) -> Option<Fault> + Send + Sync>;

/// A proxy on loopback, in plain HTTP, that ends when it is dropped.
pub struct FaultProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    backend: Backend,
    faults: Faults,
    seen: Mutex<Vec<Request>>,
    late: Mutex<Vec<(usize, Request)>>,
    stop: AtomicBool,
}

impl FaultProxy {
    /// Starts in front of a server.
    pub fn start(backend: &Backend, faults: Faults) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port on loopback");
        let address = listener.local_addr().expect("the listener's address");
        let shared = Arc::new(Shared {
            backend: backend.clone(),
            faults,
            seen: Mutex::default(),
            late: Mutex::default(),
            stop: AtomicBool::new(false),
        });
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if serving.stop.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let shared = Arc::clone(&serving);
                std::thread::spawn(move || {
                    let _ = stream.set_nodelay(true);
                    let mut backend = shared.backend.connect();
                    while shared.serve(&stream, &mut backend).unwrap_or(false) {}
                    let _ = stream.shutdown(Shutdown::Both);
                });
            }
        });
        Self { address, shared }
    }

    /// Writes a kubeconfig whose only context, `test`, goes through the proxy.
    pub fn write_kubeconfig(&self, path: &Path) {
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: test\nclusters:\n- name: test\n  cluster:\n    \
             server: http://{}\ncontexts:\n- name: test\n  context:\n    cluster: test\n    user: test\n\
             users:\n- name: test\n  user: {{}}\n",
            self.address
        );
        std::fs::write(path, text).expect("writing the kubeconfig");
    }

    /// Every request so far, in the order of their arrival.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.seen.lock().expect("no panic before").clone()
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    /// Answers one request; tells whether the connection goes on.
    fn serve(&self, stream: &TcpStream, backend: &mut Connection) -> std::io::Result<bool> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(false);
        }
        let mut words = line.split_whitespace();
        let method = words.next().unwrap_or_default().to_owned();
        let target = words.next().unwrap_or_default().to_owned();
        let headers = read_headers(&mut reader)?;
        let body = read_body(&mut reader, &headers, false)?;
        let request = Request {
            method,
            target,
            headers,
            body,
        };
        let number = {
            let mut seen = self.seen.lock().expect("no panic before");
            seen.push(request.clone());
            seen.len() - 1
        };
        let fault = (self.faults)(number, &request);
        let goes_on = self.answer(stream, backend, &request, number, fault);
        self.send_late(number, backend);
        goes_on
    }

    fn answer(
        &self,
        stream: &TcpStream,
        backend: &mut Connection,
        request: &Request,
        number: usize,
        fault: Option<Fault>,
    ) -> std::io::Result<bool> {
        let forward = |backend: &mut Connection| {
            backend.send(&request.method, &request.target, &request.headers, &request.body)
        };
        match fault {
            None => write_reply(stream, &forward(backend)?),
            Some(Fault::Cut) => Ok(false),
            Some(Fault::Lost) => forward(backend).map(|_| false),
            Some(Fault::Torn) => {
                let reply = forward(backend)?;
                let whole = head_and_body(&reply);
                let mut stream = stream;
                stream.write_all(&whole[..whole.len() - reply.body.len().div_ceil(2).max(1)])?;
                Ok(false)
            }
            Some(Fault::Delay(time)) => {
                std::thread::sleep(time);
                write_reply(stream, &forward(backend)?)
            }
            Some(Fault::Twice) => {
                forward(backend)?;
                write_reply(stream, &forward(backend)?)
            }
            Some(Fault::Late(after)) => {
                let mut late = self.late.lock().expect("no panic before");
                late.push((number + after, request.clone()));
                drop(late);
                write_reply(stream, &forward(backend)?)
            }
            Some(Fault::Busy(seconds)) => {
                let reply = refusal(429).with("retry-after", seconds.to_string());
                write_reply(stream, &reply)
            }
            Some(Fault::Status(status)) => write_reply(stream, &refusal(status)),
            Some(Fault::StatusAfter(status)) => {
                forward(backend)?;
                write_reply(stream, &refusal(status))
            }
            Some(Fault::Hang) => {
                while !self.stop.load(Ordering::Relaxed) && !is_closed(stream) {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Ok(false)
            }
        }
    }

    /// Sends again what is due by now.
    fn send_late(&self, number: usize, backend: &mut Connection) {
        let due: Vec<Request> = {
            let mut late = self.late.lock().expect("no panic before");
            let (due, rest) = late.drain(..).partition(|(at, _)| *at <= number);
            *late = rest;
            due.into_iter().map(|(_, request)| request).collect()
        };
        for request in due {
            let _ = backend.send(&request.method, &request.target, &request.headers, &request.body);
        }
    }
}

/// An answer as an API server or a load balancer before it would give it.
fn refusal(status: u16) -> Reply {
    let (reason, message) = match status {
        409 => (
            "Conflict",
            "the object has been modified; please apply your changes to the latest version",
        ),
        429 => ("TooManyRequests", "too many requests, please try again later"),
        500 => (
            "InternalError",
            "Internal error occurred: etcdserver: leader changed",
        ),
        503 => (
            "ServiceUnavailable",
            "the server is currently unable to handle the request",
        ),
        504 => (
            "Timeout",
            "the server was unable to return a response in the time allotted",
        ),
        _ => return Reply::new(status, "bad gateway"),
    };
    let body = serde_json::json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason,
        "message": message, "code": status});
    Reply::new(status, body.to_string()).with("content-type", "application/json")
}

fn head_and_body(reply: &Reply) -> Vec<u8> {
    let mut head = format!(
        "HTTP/1.1 {} Status\r\ncontent-length: {}\r\n",
        reply.status,
        reply.body.len()
    );
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let mut whole = format!("{head}\r\n").into_bytes();
    whole.extend_from_slice(&reply.body);
    whole
}

fn write_reply(stream: &TcpStream, reply: &Reply) -> std::io::Result<bool> {
    let mut stream = stream;
    stream.write_all(&head_and_body(reply))?;
    Ok(true)
}

/// Whether the other side has gone.
fn is_closed(stream: &TcpStream) -> bool {
    let mut byte = [0];
    let _ = stream.set_read_timeout(Some(Duration::from_millis(10)));
    match stream.peek(&mut byte) {
        Ok(read) => read == 0,
        Err(error) => !matches!(
            error.kind(),
            std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
        ),
    }
}
