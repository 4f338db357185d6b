//! Where a release is published, as flags say it.

use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use attest_digest::Digest;
use attest_provenance::ReleaseName;
use attest_remote::registry::SCHEME;
use attest_remote::{
    Created, Finished, GitHub, GitHubAddress, HttpRepository, Logins, PlaceError, S3Target, Target,
};
use clap::Args;

use super::registry::RegistryTarget;
use crate::args::places::{PlaceFlags, place_failure, variable};
use crate::failure::{Failure, with_source};
use crate::files::{self, Overwrite};
use crate::home::{lies_inside, real};
use crate::registry;

#[derive(Debug, Args)]
pub(crate) struct PublishArgs {
    #[arg(
        long,
        value_name = "TARGET",
        help = "Publish the release here, read everything back and verify it (can be repeated): a folder, \
                s3://BUCKET/PREFIX, oci://HOST/REPOSITORY[:TAG], an https:// folder that takes PUT (Nexus raw, \
                Artifactory generic), or github:OWNER/REPOSITORY@TAG"
    )]
    publish: Vec<String>,
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 60,
        value_parser = clap::value_parser!(u64).range(0..=3600),
        help = "How long a place is asked the same again when it is busy, out of order or away; 0 asks once"
    )]
    publish_timeout: u64,
    #[arg(
        long,
        value_name = "FILE",
        help = "Docker's configuration, with credentials and credential helpers for oci:// \
                [default: $DOCKER_CONFIG/config.json, then ~/.docker/config.json]"
    )]
    registry_config: Option<PathBuf>,
    #[arg(
        long,
        value_name = "HOST=REALM",
        help = "Give the credentials for HOST to REALM too, if HOST says that its tokens are had there; \
                needed where that is another host (a GitLab of your own: \
                registry.example.org=gitlab.example.org)"
    )]
    registry_realm: Vec<String>,
    #[command(flatten)]
    places: PlaceFlags,
}

impl PublishArgs {
    /// The targets, in their order, of the release that stands in that folder. Nothing is sent.
    ///
    /// # Errors
    /// Exit 2: `place-address`, `place-credentials`, `out-inside`.
    pub(super) fn targets(
        &self,
        name: &ReleaseName,
        release: &Path,
        others: &[&Path],
    ) -> Result<Vec<Box<dyn Target>>, Failure> {
        let targets = self.publish.iter();
        targets
            .map(|text| self.target(text, name, release, others))
            .collect()
    }

    /// What was asked for, in words.
    pub(super) fn texts(&self) -> &[String] {
        &self.publish
    }

    /// How long each question is asked again.
    pub(super) const fn persistence(&self) -> Duration {
        Duration::from_secs(self.publish_timeout)
    }

    fn target(
        &self,
        text: &str,
        name: &ReleaseName,
        release: &Path,
        others: &[&Path],
    ) -> Result<Box<dyn Target>, Failure> {
        if let Some(bucket) = self.places.bucket(text) {
            let (address, settings) = bucket?;
            let target = S3Target::new(&address, &settings);
            return Ok(Box::new(target.map_err(|error| place_failure(&error))?));
        }
        if GitHubAddress::is_meant(text) {
            return self.github(text, name);
        }
        if text.starts_with(SCHEME) {
            let reference = registry::reference(text)?;
            let config = self.registry_config.as_deref();
            let reach = self.places.reach()?;
            let registry = registry::place(reference.host(), reach, config, &self.registry_realm)?;
            return Ok(Box::new(RegistryTarget::new(&reference, name, registry)?));
        }
        if text.starts_with("https://") || text.starts_with("http://") {
            let target = HttpRepository::new(text, &logins(), self.places.reach()?);
            return Ok(Box::new(target.map_err(|error| place_failure(&error))?));
        }
        let path = text.strip_prefix("dir:").unwrap_or(text);
        if path.is_empty() || path.contains("://") {
            return Err(place_failure(&PlaceError::Address {
                place: text.to_owned(),
                problem: "it is no place that a release is published to".to_owned(),
            })
            .hint("name a folder, s3://…, oci://…, https://… or github:OWNER/REPOSITORY@TAG"));
        }
        let folder = Folder::new(Path::new(path), release, others)?;
        Ok(Box::new(folder))
    }

    fn github(&self, text: &str, name: &ReleaseName) -> Result<Box<dyn Target>, Failure> {
        let address = GitHubAddress::parse(text).map_err(|error| place_failure(&error))?;
        let token = variable(&["GITHUB_TOKEN", "GH_TOKEN"]).ok_or_else(|| {
            place_failure(&PlaceError::Credentials {
                place: text.to_owned(),
                problem: "GITHUB_TOKEN is not set".to_owned(),
            })
            .hint("a token with the right to write the repository's contents")
        })?;
        let api = variable(&["GITHUB_API_URL"]);
        let api = api.as_deref().unwrap_or("https://api.github.com");
        let title = format!("{} {}", name.name(), name.version());
        let reach = self.places.reach()?;
        let target = GitHub::new(address, api, (&token, &title), reach);
        Ok(Box::new(target.map_err(|error| place_failure(&error))?))
    }
}

/// Logins of `NETRC`, else of `~/.netrc`: for a host that is written there.
fn logins() -> Logins {
    let named = variable(&["NETRC"]).map(PathBuf::from);
    let path = named.or_else(|| variable(&["HOME"]).map(|home| Path::new(&home).join(".netrc")));
    let bytes = path.and_then(|path| files::read_limited(&path, NETRC_BYTES).ok());
    Logins::parse(&String::from_utf8_lossy(&bytes.unwrap_or_default()))
}

/// A folder, or whatever is mounted there. What is published has the permissions that the signed manifest
/// names: those of the release folder.
struct Folder {
    root: PathBuf,
    release: PathBuf,
}

impl Folder {
    /// A folder that is no part of the release or of the home.
    fn new(root: &Path, release: &Path, others: &[&Path]) -> Result<Self, Failure> {
        let overlaps = |it: &&&Path| lies_inside(root, it) || lies_inside(it, root);
        match [&release].into_iter().chain(others).find(overlaps) {
            None => Ok(Self {
                root: real(root),
                release: release.to_owned(),
            }),
            Some(other) => Err(Failure::request(
                "out-inside",
                format!("{} and {} overlap", root.display(), other.display()),
            )
            .hint("what is published needs a folder of its own")),
        }
    }

    /// Makes the folders above a file, each with the permissions of the release's.
    fn make_above(&self, path: &str) -> io::Result<()> {
        for (at, _) in path.match_indices('/') {
            let folder = path.get(..at).unwrap_or_default();
            match fs::create_dir(self.root.join(folder)) {
                Ok(()) => self.permit(folder, &self.root.join(folder))?,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Gives something the permissions that the release has at this path, without those to run as its owner.
    fn permit(&self, path: &str, place: &Path) -> io::Result<()> {
        let like = self.release.join(path).symlink_metadata()?.permissions();
        fs::set_permissions(place, Permissions::from_mode(like.mode() & 0o777))
    }

    /// What is there, by paths in the folder, folders left out.
    fn files(&self) -> io::Result<Vec<String>> {
        let mut files = Vec::new();
        let mut folders = vec![String::new()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(self.root.join(&folder))? {
                let entry = entry?;
                let path = format!("{folder}{}", entry.file_name().to_string_lossy());
                if entry.file_type()?.is_dir() {
                    folders.push(format!("{path}/"));
                } else {
                    files.push(path);
                }
            }
        }
        Ok(files)
    }

    /// Whether a run that died has left it, half a file of this release: the next one goes on.
    fn is_half_written(&self, path: &str) -> bool {
        let is_ours = |path: &str| self.release.join(path).is_file();
        half_of(path).is_some_and(|whole| is_ours(&whole)) && !is_ours(path)
    }

    fn failed(&self, source: io::Error) -> PlaceError {
        PlaceError::Folder {
            place: self.name(),
            source,
        }
    }
}

impl Target for Folder {
    fn name(&self) -> String {
        self.root.display().to_string()
    }

    fn admits(&self, _: &str) -> bool {
        true
    }

    fn begin(&mut self) -> Result<(), PlaceError> {
        if !self.root.exists() {
            fs::create_dir_all(&self.root)
                .and_then(|()| self.permit("", &self.root))
                .map_err(|error| self.failed(error))?;
        }
        Ok(())
    }

    fn other(&self, ours: &BTreeSet<&str>) -> Result<Option<String>, PlaceError> {
        let files = self.files().map_err(|error| self.failed(error))?;
        let mut others = files.into_iter().filter(|it| !ours.contains(it.as_str()));
        Ok(others.find(|it| !self.is_half_written(it)))
    }

    fn open(&self, path: &str, _: u64) -> Result<Option<Box<dyn Read + '_>>, PlaceError> {
        match files::open_regular(&self.root.join(path)) {
            Ok(file) => Ok(Some(Box::new(file))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed(error)),
        }
    }

    fn create(
        &mut self,
        path: &str,
        _: (Digest, u64),
        source: &mut dyn Read,
    ) -> Result<Created, PlaceError> {
        let to = self.root.join(path);
        self.make_above(path).map_err(|error| self.failed(error))?;
        let copy = |mut file: &File| {
            let copied = io::copy(source, &mut file);
            copied.map_err(|error| files::write_failure(&to, &error))?;
            let like = self.release.join(path).symlink_metadata();
            let mode = like.map_or(0o644, |it| it.permissions().mode() & 0o777);
            file.set_permissions(Permissions::from_mode(mode))
                .map_err(|error| files::write_failure(&to, &error))
        };
        match files::write_with(&to, 0o644, Overwrite::Refuse, copy) {
            Ok(()) => Ok(Created::New),
            Err(failure) if failure.code == "file-exists" => Ok(Created::Exists),
            Err(failure) => Err(self.failed(io::Error::other(with_source(&failure)))),
        }
    }

    /// Everything is there by now: halves of it are nothing that who acquires the folder should find.
    fn finish(&mut self) -> Result<Finished, PlaceError> {
        let files = self.files().map_err(|error| self.failed(error))?;
        for half in files.iter().filter(|it| self.is_half_written(it)) {
            match fs::remove_file(self.root.join(half)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(self.failed(error));
                }
                _ => {}
            }
        }
        Ok(Finished::AsItWas)
    }
}

/// The path of which this is a half: `sub/hello` of `sub/.hello.4711.tmp`.
fn half_of(path: &str) -> Option<String> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let inner = name.strip_prefix('.')?.strip_suffix(".tmp")?;
    let (whole, process) = inner.rsplit_once('.')?;
    let is_number = !process.is_empty() && process.bytes().all(|it| it.is_ascii_digit());
    let whole = Path::new(folder).join(whole);
    is_number.then(|| whole.to_string_lossy().into_owned())
}

/// Bytes of a `netrc` file.
const NETRC_BYTES: u64 = 64 << 10;
