//! TLS in front of a server of the tests: it gives the same answers, to whoever trusts a private authority.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Where authorities and the server's own files are.
pub(crate) fn fixture(name: &str) -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.join("../../fixtures/tls/loopback").join(name)
}

/// The host of a server that gives what the plain one at that host gives.
pub(crate) fn before(plain: &str) -> String {
    let certificate = CertificateDer::from_pem_file(fixture("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(fixture("server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let plain = plain.to_owned();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (config, plain) = (Arc::clone(&config), plain.clone());
            let stream = stream.unwrap();
            thread::spawn(move || {
                let session = ServerConnection::new(config).unwrap();
                // Who does not trust us ends it: that is what some tests are about.
                let _ = pass(StreamOwned::new(session, stream), &plain);
            });
        }
    });
    host
}

/// One request and its answer; the server behind closes after it.
fn pass(mut client: StreamOwned<ServerConnection, TcpStream>, plain: &str) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte)?;
        request.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&request).to_lowercase();
    let length = head.split("\r\ncontent-length: ").nth(1);
    let length = length.and_then(|it| it.split("\r\n").next()?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    client.read_exact(&mut body)?;
    let mut server = TcpStream::connect(plain)?;
    server.write_all(&request)?;
    server.write_all(&body)?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer)?;
    client.write_all(&answer)?;
    client.conn.send_close_notify();
    client.flush()
}
