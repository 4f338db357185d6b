//! Where the identity token comes from: a flag, the environment, the CI job, or the user's browser.

use std::io::Read;
use std::path::Path;

use attest_sign::{IdentityToken, IdentityTokenError, IssueError};
use jiff::{SignedDuration, Timestamp};
use zeroize::Zeroizing;

use super::{ambient, login, persistence, provider};
use crate::args::{LoginWay, ServiceArgs};
use crate::console::Console;
use crate::failure::Failure;
use crate::files;

/// Gives tokens that are valid when they are asked for.
pub(crate) struct Tokens {
    source: Source,
    audience: String,
    issuer: Option<String>,
    current: Option<IdentityToken>,
}

enum Source {
    /// One token; there is no other.
    Given(Zeroizing<String>),
    /// The CI system gives this job as many as it wants.
    Ambient(ambient::Job),
}

impl Tokens {
    /// A source that has a token for this run.
    ///
    /// # Errors
    /// Exit 2: `identity-token-required`, `identity-token-unreadable`, `identity-token-malformed`, `identity-token-expired`,
    /// `identity-token-audience`, `identity-token-other-issuer`; exit 3: what the CI system answered, or
    /// that nobody logged in; exit 1: what a provider answers to a login is wrong.
    pub(crate) fn open(
        args: &ServiceArgs,
        now: Timestamp,
        console: &Console,
    ) -> Result<Self, Failure> {
        let source = match &args.identity_token {
            Some(given) => Source::Given(given_token(given, console)?),
            None if args.login.is_asked() => return Self::log_in(args, now, console),
            None => match std::env::var("SIGSTORE_ID_TOKEN") {
                Ok(token) if !token.trim().is_empty() => Source::Given(Zeroizing::new(token)),
                _ => match ambient::Job::detect() {
                    Ok(job) => Source::Ambient(job),
                    Err(_) if login::way(args).is_some() => {
                        return Self::log_in(args, now, console);
                    }
                    Err(failure) => return Err(failure),
                },
            },
        };
        let mut tokens = Self {
            source,
            audience: args.oidc_client_id.clone(),
            issuer: args.oidc_issuer.clone(),
            current: None,
        };
        let text = tokens.fetch()?;
        let token = IdentityToken::parse(&text, &tokens.audience, now)
            .map_err(|error| malformed(&error))?;
        tokens.check_issuer(&token)?;
        tokens.current = Some(token);
        Ok(tokens)
    }

    /// One login, and its token for this run.
    fn log_in(args: &ServiceArgs, now: Timestamp, console: &Console) -> Result<Self, Failure> {
        let way = login::way(args).unwrap_or(LoginWay::Url);
        let issuer = provider(args, now)?;
        let token = login::token(&issuer, way, args, persistence(args), now, console)?;
        Ok(Self {
            source: Source::Given(Zeroizing::new(token.secret().to_owned())),
            audience: args.oidc_client_id.clone(),
            issuer: Some(issuer),
            current: Some(token),
        })
    }

    /// A token that is valid at this time.
    pub(crate) fn current(&mut self, now: Timestamp) -> Result<IdentityToken, IssueError> {
        let fresh = |it: &IdentityToken| {
            now.saturating_add(MARGIN)
                .is_ok_and(|then| then < it.expires())
        };
        if let Some(token) = self.current.as_ref().filter(|it| fresh(it)) {
            return Ok(token.clone());
        }
        let text = self
            .fetch()
            .map_err(|failure| IssueError::new(failure.code, failure.message))?;
        let token = IdentityToken::parse(&text, &self.audience, now)
            .map_err(|error| IssueError::new(error.code(), error))?;
        self.check_issuer(&token)
            .map_err(|failure| IssueError::new(failure.code, failure.message))?;
        Ok(self.current.insert(token).clone())
    }

    fn fetch(&self) -> Result<Zeroizing<String>, Failure> {
        match &self.source {
            Source::Given(token) => Ok(token.clone()),
            Source::Ambient(job) => job.token(&self.audience),
        }
    }

    fn check_issuer(&self, token: &IdentityToken) -> Result<(), Failure> {
        match &self.issuer {
            Some(wanted) if token.issuer() != wanted => Err(Failure::request(
                "identity-token-other-issuer",
                format!(
                    "the identity token is from {:?}, --oidc-issuer wants {wanted:?}",
                    token.issuer().chars().take(200).collect::<String>()
                ),
            )),
            _ => Ok(()),
        }
    }
}

/// The token that a flag names: itself, a file's, or what stands on standard input.
fn given_token(given: &str, console: &Console) -> Result<Zeroizing<String>, Failure> {
    let unreadable = |place: &str, error: std::io::Error| {
        Failure::request(
            "identity-token-unreadable",
            format!("the identity token in {place}: {error}"),
        )
    };
    if given == "-" {
        let mut text = Zeroizing::new(String::new());
        std::io::stdin()
            .take(FILE_BYTES)
            .read_to_string(&mut text)
            .map_err(|error| unreadable("standard input", error))?;
        return Ok(text);
    }
    // No path has two dots with base64url around them and no slash before: but one that exists is one.
    let path = Path::new(given);
    if given.len() < 4096 && path.is_file() {
        let bytes =
            files::read_limited(path, FILE_BYTES).map_err(|error| unreadable(given, error))?;
        let text = String::from_utf8(bytes).map_err(|_| {
            Failure::request("identity-token-malformed", format!("{given} is not text"))
        })?;
        return Ok(Zeroizing::new(text));
    }
    if !given.starts_with("ey") {
        return Err(Failure::request(
            "identity-token-unreadable",
            "--identity-token names neither a file that is there nor a token",
        )
        .hint("a token begins with ey; it is not repeated here"));
    }
    console.note(
        "note: the token stands on the command line, where other processes see it: a file, - or SIGSTORE_ID_TOKEN hides it",
    );
    Ok(Zeroizing::new(given.to_owned()))
}

fn malformed(error: &IdentityTokenError) -> Failure {
    let failure = Failure::request(error.code(), format!("the identity token: {error}"));
    match error {
        IdentityTokenError::Audience { .. } => failure.hint(
            "ask the provider for a token for this audience, or name another with --oidc-client-id",
        ),
        IdentityTokenError::Expired { .. } => failure.hint("get a new token just before signing"),
        _ => failure,
    }
}

/// A certificate authority looks at the token a moment later.
const MARGIN: SignedDuration = SignedDuration::from_secs(5);
const FILE_BYTES: u64 = 64 << 10;
