//! `attest key list`: the private keys that a token shows, with what names each of them.

use attest_sign::{Token, TokenEntry, token_uri};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use serde_json::{Value, json};

use super::pin;
use crate::console::{Console, escape};
use crate::failure::{Exit, Failure};
use crate::identity::token;

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// The token (RFC 7512): pkcs11:token=LABEL?module-path=/FILE.so&pin-source=file:/FILE
    #[arg(value_name = "URI")]
    uri: String,
}

pub(super) fn run(args: &ListArgs, console: &Console) -> Result<(), Failure> {
    if let Some(note) = token::caution(Some(args.uri.as_ref())) {
        console.note(note);
    }
    let token = token::find(&args.uri)?;
    let keys = token.list().map_err(|error| token::refused(&error))?;
    if console.is_json() {
        console.json(&report(&token, &keys));
        return Ok(());
    }
    console.say(format!(
        "token      {} (serial {})",
        escape(token.label()),
        escape(token.serial())
    ));
    if keys.is_empty() {
        console.say("keys       none that fit");
    }
    for key in &keys {
        let uri = token_uri(token.label(), key);
        match &key.public {
            Ok(public) => console.say(format!(
                "key        {uri}: {}, {}",
                public.kind(),
                pin(public)
            )),
            Err(error) => console.say(format!("unusable   {uri}: {} ({error})", error.code())),
        }
        for der in &key.certificates {
            console.say(format!("           with the certificate {}", digest(der)));
        }
    }
    Ok(())
}

fn report(token: &Token, keys: &[TokenEntry]) -> Value {
    let keys: Vec<Value> = keys.iter().map(|key| entry(token, key)).collect();
    json!({
        "version": 1,
        "command": "key list",
        "answer": Exit::Yes.word(),
        "exit": Exit::Yes.number(),
        "token": { "label": token.label(), "serial": token.serial() },
        "keys": keys,
    })
}

fn entry(token: &Token, key: &TokenEntry) -> Value {
    let public = key.public.as_ref().ok();
    let certificates: Vec<Value> = key
        .certificates
        .iter()
        .map(|der| json!({ "digest": digest(der), "der": STANDARD.encode(der) }))
        .collect();
    json!({
        "uri": token_uri(token.label(), key),
        "label": key.label,
        "id": hex::encode(&key.id),
        "kind": public.map(|it| it.kind().to_string()),
        "pin": public.map(pin),
        "pem": public.map(attest_verify::PublicKey::to_pem),
        "refused": key.public.as_ref().err().map(attest_sign::TokenError::code),
        "certificates": certificates,
    })
}

fn digest(der: &[u8]) -> String {
    use attest_digest::{Artifact, Hashes};
    Artifact::of_bytes(der, Hashes::Sha256).sha256().to_string()
}
