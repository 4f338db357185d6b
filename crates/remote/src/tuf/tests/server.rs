//! Files over HTTP on loopback, and servers that misbehave.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

/// Serves files on loopback until the test ends.
pub(super) fn serve(files: BTreeMap<String, Vec<u8>>) -> String {
    serve_with(move |path| match files.get(path) {
        Some(bytes) => Answer::File(bytes.clone()),
        None => Answer::Status("404 Not Found", String::new()),
    })
}

pub(super) enum Answer {
    File(Vec<u8>),
    Status(&'static str, String),
    /// A body that never ends.
    Endless,
    /// Nothing, with the connection held open.
    Silence,
}

pub(super) fn serve_with(answer: impl Fn(&str) -> Answer + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
                request.push(byte[0]);
            }
            let text = String::from_utf8_lossy(&request).into_owned();
            let path = text.split(' ').nth(1).unwrap_or_default().to_owned();
            match answer(path.trim_start_matches('/')) {
                Answer::File(bytes) => {
                    let head = format!(
                        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                        bytes.len()
                    );
                    let _ = stream.write_all(&[head.as_bytes(), &bytes].concat());
                }
                Answer::Status(status, headers) => {
                    let _ = write!(
                        stream,
                        "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n{headers}\r\n"
                    );
                }
                Answer::Endless => {
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
                    while stream.write_all(&[b' '; 4096]).is_ok() {}
                }
                Answer::Silence => {
                    thread::spawn(move || {
                        thread::sleep(Duration::from_secs(8));
                        drop(stream);
                    });
                }
            }
        }
    });
    format!("http://127.0.0.1:{port}")
}
