//! The only file that names the PKCS#11 library: modules, tokens, sessions, objects.
//!
//! A module is foreign code that runs within this process: it is loaded from the path that the user
//! named, and from nowhere else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, SessionState, UserType};
use cryptoki::slot::{Slot, TokenInfo};
use cryptoki::types::RawAuthPin;

use super::error::{PinTries, TokenError};
use super::uri::TokenUri;
use crate::limits::TOKEN_OBJECTS;

/// A token that was found, and a session with it, which keeps the login.
#[derive(Debug)]
pub(super) struct Device {
    context: Pkcs11,
    slot: Slot,
    info: Facts,
    session: Mutex<Session>,
    /// Sessions that nobody uses at the moment: each thread that signs takes one.
    idle: Mutex<Vec<Session>>,
}

/// What a token says of itself.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) label: String,
    pub(super) serial: String,
    manufacturer: String,
    model: String,
    pub(super) has_keypad: bool,
    pub(super) wants_login: bool,
}

/// An object that has a label and an id.
#[derive(Debug, Clone)]
pub(super) struct Found {
    handle: ObjectHandle,
    pub(super) label: String,
    pub(super) id: Vec<u8>,
}

/// The numbers of a public key as a token holds them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Numbers {
    /// `CKA_EC_PARAMS` and `CKA_EC_POINT`.
    Curve { params: Vec<u8>, point: Vec<u8> },
    /// `CKA_MODULUS` and `CKA_PUBLIC_EXPONENT`.
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    /// `CKK_EC_EDWARDS`, whatever the curve.
    Edwards,
    /// Another kind of key.
    Other(String),
}

/// How a digest is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    /// The digest in, `r` and `s` one after the other out.
    Ecdsa,
    /// A `DigestInfo` in, PKCS#1 v1.5 out.
    Rsa,
}

impl Device {
    /// Finds the one token that the URI names.
    pub(super) fn find(uri: &TokenUri, module: &Path) -> Result<Self, TokenError> {
        let context = load(module)?;
        let slots = context
            .get_slots_with_initialized_token()
            .map_err(|error| failed("list its slots", &error))?;
        let mut present = Vec::new();
        let mut fitting = Vec::new();
        for slot in slots.into_iter().take(TOKEN_OBJECTS) {
            // A reader from which the token was just taken is no reason to stop.
            let Ok(info) = context.get_token_info(slot) else {
                continue;
            };
            let facts = Facts::of(&info);
            present.push(facts.shown());
            if facts.fit(uri) && uri.slot_id.is_none_or(|wanted| wanted == slot.id()) {
                fitting.push((slot, facts));
            }
        }
        let wanted = uri.to_string();
        if fitting.len() > 1 {
            let found = fitting.iter().map(|(_, facts)| facts.shown()).collect();
            return Err(TokenError::SeveralTokens { wanted, found });
        }
        let Some((slot, info)) = fitting.pop() else {
            let found = present;
            return Err(TokenError::NoToken { wanted, found });
        };
        let session = open(&context, slot)?;
        Ok(Self {
            context,
            slot,
            info,
            session: Mutex::new(session),
            idle: Mutex::new(Vec::new()),
        })
    }

    pub(super) fn facts(&self) -> &Facts {
        &self.info
    }

    /// A login is of the whole process and token: one is enough.
    pub(super) fn is_logged_in(&self) -> Result<bool, TokenError> {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let info = session
            .get_session_info()
            .map_err(|error| failed("say who is logged in", &error))?;
        Ok(matches!(
            info.session_state(),
            SessionState::RoUser | SessionState::RwUser
        ))
    }

    pub(super) fn tries(&self) -> Result<PinTries, TokenError> {
        let info = self
            .context
            .get_token_info(self.slot)
            .map_err(|error| failed("describe itself", &error))?;
        Ok(PinTries::of_flags(
            info.user_pin_count_low(),
            info.user_pin_final_try(),
            info.user_pin_locked(),
        ))
    }

    /// One try. Without a PIN the token asks for it on a keypad of its own.
    pub(super) fn login(&self, pin: Option<&[u8]>) -> Result<(), TokenError> {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let result = match pin {
            Some(pin) => {
                let pin = RawAuthPin::new(Box::new(pin.to_vec()));
                session.login_with_raw(UserType::User, &pin)
            }
            None => session.login(UserType::User, None),
        };
        match result {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
            Err(Error::Pkcs11(
                RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange,
                _,
            )) => {
                let tries = self.tries()?;
                Err(TokenError::WrongPin { tries })
            }
            Err(Error::Pkcs11(RvError::PinLocked, _)) => Err(TokenError::Locked),
            Err(error) => Err(failed("log in", &error)),
        }
    }

    pub(super) fn private_keys(&self, uri: &TokenUri) -> Result<Vec<Found>, TokenError> {
        let mut template = vec![Attribute::Class(ObjectClass::PRIVATE_KEY)];
        if let Some(label) = &uri.object {
            template.push(Attribute::Label(label.clone().into_bytes()));
        }
        if let Some(id) = &uri.id {
            template.push(Attribute::Id(id.clone()));
        }
        self.objects(&template)
    }

    /// The public keys that belong to a private one: by its id, or by its label if it has none.
    pub(super) fn public_halves(&self, key: &Found) -> Result<Vec<Numbers>, TokenError> {
        let found = self.objects(&beside(ObjectClass::PUBLIC_KEY, key))?;
        found.iter().map(|it| self.numbers(it)).collect()
    }

    /// The certificates that belong to a private key: DER.
    pub(super) fn certificates_of(&self, key: &Found) -> Result<Vec<Vec<u8>>, TokenError> {
        let found = self.objects(&beside(ObjectClass::CERTIFICATE, key))?;
        let values = found.iter().map(|it| self.certificate(it));
        values.collect()
    }

    /// Whether the key may sign, and without a PIN for each signature.
    pub(super) fn may_sign(&self, key: &Found) -> Result<bool, TokenError> {
        let asked = [AttributeType::Sign, AttributeType::AlwaysAuthenticate];
        let attributes = self.attributes(key, &asked)?;
        let mut signs = true;
        for attribute in attributes {
            match attribute {
                Attribute::AlwaysAuthenticate(true) => {
                    return Err(TokenError::Unsupported {
                        found: "one that wants its PIN again for each signature, which attest does not give"
                            .to_owned(),
                    });
                }
                Attribute::Sign(may) => signs = may,
                _ => {}
            }
        }
        Ok(signs)
    }

    /// The numbers of a public key, or those that a private key tells.
    pub(super) fn numbers(&self, key: &Found) -> Result<Numbers, TokenError> {
        let asked = [
            AttributeType::KeyType,
            AttributeType::EcParams,
            AttributeType::EcPoint,
            AttributeType::Modulus,
            AttributeType::PublicExponent,
        ];
        let attributes = self.attributes(key, &asked)?;
        let mut kind = None;
        let (mut params, mut point) = (Vec::new(), Vec::new());
        let (mut modulus, mut exponent) = (Vec::new(), Vec::new());
        for attribute in attributes {
            match attribute {
                Attribute::KeyType(found) => kind = Some(found),
                Attribute::EcParams(found) => params = found,
                Attribute::EcPoint(found) => point = found,
                Attribute::Modulus(found) => modulus = found,
                Attribute::PublicExponent(found) => exponent = found,
                _ => {}
            }
        }
        Ok(match kind {
            Some(KeyType::EC) => Numbers::Curve { params, point },
            Some(KeyType::RSA) => Numbers::Rsa { modulus, exponent },
            Some(KeyType::EC_EDWARDS) => Numbers::Edwards,
            Some(other) => Numbers::Other(other.to_string()),
            None => Numbers::Other("of no kind that it says".to_owned()),
        })
    }

    pub(super) fn sign(
        &self,
        key: &Found,
        scheme: Scheme,
        data: &[u8],
    ) -> Result<Vec<u8>, TokenError> {
        let mechanism = match scheme {
            Scheme::Ecdsa => Mechanism::Ecdsa,
            Scheme::Rsa => Mechanism::RsaPkcs,
        };
        let session = self.take()?;
        let signature = session
            .sign(&mechanism, key.handle, data)
            .map_err(|error| failed("sign", &error))?;
        // A session in which something failed is closed instead.
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(session);
        Ok(signature)
    }

    fn take(&self) -> Result<Session, TokenError> {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        match idle {
            Some(session) => Ok(session),
            None => open(&self.context, self.slot),
        }
    }

    fn objects(&self, template: &[Attribute]) -> Result<Vec<Found>, TokenError> {
        let handles = {
            let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
            let objects = session
                .iter_objects(template)
                .map_err(|error| failed("find objects", &error))?;
            objects
                .take(TOKEN_OBJECTS)
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| failed("find objects", &error))?
        };
        handles.into_iter().map(|it| self.found(it)).collect()
    }

    fn found(&self, handle: ObjectHandle) -> Result<Found, TokenError> {
        let mut found = Found {
            handle,
            label: String::new(),
            id: Vec::new(),
        };
        for attribute in self.attributes(&found, &[AttributeType::Label, AttributeType::Id])? {
            match attribute {
                Attribute::Label(label) => {
                    found.label = String::from_utf8_lossy(&label).into_owned();
                }
                Attribute::Id(id) => found.id = id,
                _ => {}
            }
        }
        Ok(found)
    }

    fn certificate(&self, found: &Found) -> Result<Vec<u8>, TokenError> {
        let value = self.attributes(found, &[AttributeType::Value])?;
        let value = value.into_iter().find_map(|it| match it {
            Attribute::Value(value) => Some(value),
            _ => None,
        });
        Ok(value.unwrap_or_default())
    }

    fn attributes(
        &self,
        of: &Found,
        asked: &[AttributeType],
    ) -> Result<Vec<Attribute>, TokenError> {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        session
            .get_attributes(of.handle, asked)
            .map_err(|error| failed("describe an object", &error))
    }
}

impl Facts {
    fn of(info: &TokenInfo) -> Self {
        let text = |it: &str| it.trim_end_matches([' ', '\0']).to_owned();
        Self {
            label: text(info.label()),
            serial: text(info.serial_number()),
            manufacturer: text(info.manufacturer_id()),
            model: text(info.model()),
            has_keypad: info.protected_authentication_path(),
            wants_login: info.login_required(),
        }
    }

    fn fit(&self, uri: &TokenUri) -> bool {
        let fits = |wanted: &Option<String>, found: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == found)
        };
        fits(&uri.token, &self.label)
            && fits(&uri.serial, &self.serial)
            && fits(&uri.manufacturer, &self.manufacturer)
            && fits(&uri.model, &self.model)
    }

    fn shown(&self) -> String {
        format!(
            "\"{}\" (serial {})",
            self.label.escape_debug(),
            self.serial.escape_debug()
        )
    }
}

fn beside(class: ObjectClass, key: &Found) -> [Attribute; 2] {
    let same = if key.id.is_empty() {
        Attribute::Label(key.label.clone().into_bytes())
    } else {
        Attribute::Id(key.id.clone())
    };
    [Attribute::Class(class), same]
}

fn open(context: &Pkcs11, slot: Slot) -> Result<Session, TokenError> {
    context
        .open_ro_session(slot)
        .map_err(|error| failed("open a session", &error))
}

/// Loads a module, once for each process: a second context of one module would end the first one's.
fn load(path: &Path) -> Result<Pkcs11, TokenError> {
    static LOADED: Mutex<BTreeMap<PathBuf, Pkcs11>> = Mutex::new(BTreeMap::new());

    let unusable = |problem: String| TokenError::Module {
        path: path.to_owned(),
        problem,
    };
    if cfg!(target_feature = "crt-static") {
        return Err(unusable(
            "this attest is linked statically and can load no modules; use one that is linked dynamically".to_owned(),
        ));
    }
    if !path.is_absolute() {
        return Err(unusable("is not an absolute path".to_owned()));
    }
    let place = path
        .canonicalize()
        .map_err(|error| unusable(error.to_string()))?;
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(context) = loaded.get(&place) {
        return Ok(context.clone());
    }
    let context = Pkcs11::new(&place).map_err(|error| unusable(error.to_string()))?;
    match context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
        Err(error) => return Err(unusable(error.to_string())),
    }
    loaded.insert(place, context.clone());
    Ok(context)
}

fn failed(what: &'static str, error: &Error) -> TokenError {
    let problem = match error {
        Error::Pkcs11(value, _) => format!("{value:?}"),
        other => other.to_string(),
    };
    TokenError::Failed { what, problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_module_is_refused_by_name() {
        let here = env!("CARGO_MANIFEST_DIR");
        for path in [
            "relative.so".to_owned(),
            "/nonexistent/module.so".to_owned(),
            format!("{here}/Cargo.toml"),
            "/lib/x86_64-linux-gnu/libc.so.6".to_owned(),
        ] {
            let error = load(Path::new(&path)).unwrap_err();
            assert_eq!(error.code(), "token-module-unusable", "{path}");
            assert!(error.to_string().contains(&path));
        }
    }

    #[test]
    fn errors_of_a_token_keep_its_own_words() {
        let error = Error::Pkcs11(RvError::DeviceRemoved, cryptoki::context::Function::Sign);
        let error = failed("sign", &error);
        assert_eq!(error.code(), "token-failed");
        assert_eq!(
            error.to_string(),
            "the token refused to sign: DeviceRemoved"
        );
    }
}
