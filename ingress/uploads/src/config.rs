//! Section `uploads`.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use onsale_settings::{
    ConfigProblem, NamedFile, Secret, SecretFileError, check_range, secret_text,
};
use serde::{Deserialize, Serialize};

/// What is said of a location that is none.
const LOCATION_EXPECTED: &str = "a folder, or s3://BUCKET or s3://BUCKET/PREFIX";
const S3: &str = "s3://";
const SECRET_KEY_FILE: &str = "uploads.s3_secret_key_file";
/// Memory that an image may take: with less its thread has no stack, and more stands for no limit.
const READ_MEMORY_MIB: RangeInclusive<u64> = 128..=16_384;

/// Where uploaded images lie.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct UploadsConfig {
    /// A folder, or `s3://BUCKET/PREFIX`. All nodes have to reach it. Unset: the folder `uploads` of the data
    /// folder where one process does everything; otherwise nothing is uploaded.
    pub location: Option<String>,
    /// Whether a folder is the same one on all nodes, as on a network file system.
    pub is_shared: bool,
    /// The server of a bucket, as `https://s3.example.test`.
    pub s3_endpoint: Option<String>,
    /// The region that requests are signed for.
    pub s3_region: String,
    /// Whether the bucket stands in the path of a URL, as most servers but Amazon's want it; else it is a
    /// part of the host's name.
    pub s3_path_style: bool,
    /// The id of the key that requests are signed with.
    pub s3_access_key: Option<String>,
    /// That key.
    pub s3_secret_key: Option<Secret>,
    /// File that holds that key; white space around it is cut off.
    pub s3_secret_key_file: Option<PathBuf>,
    /// Authorities in PEM that the server of the bucket is trusted by, and no others. Unset: those that the
    /// system trusts.
    pub s3_ca_file: Option<PathBuf>,
    /// How long one request to the bucket may take, in seconds.
    pub timeout_seconds: u64,
    /// Memory that the process that reads an image may take, beyond what the program itself does, in MiB.
    pub read_memory_mib: u64,
    /// How long reading an image may take, in seconds; as much of a processor's time, too.
    pub read_seconds: u64,
}

impl Default for UploadsConfig {
    fn default() -> Self {
        Self {
            location: None,
            is_shared: false,
            s3_endpoint: None,
            s3_region: "us-east-1".to_owned(),
            s3_path_style: true,
            s3_access_key: None,
            s3_secret_key: None,
            s3_secret_key_file: None,
            s3_ca_file: None,
            timeout_seconds: 10,
            read_memory_mib: 768,
            read_seconds: 10,
        }
    }
}

impl UploadsConfig {
    /// The key from the configuration or from its file; `None` if neither is set.
    ///
    /// # Errors
    /// When the file cannot be read, or is empty.
    pub fn secret_key(&self) -> Result<Option<Secret>, SecretFileError> {
        let file = self.s3_secret_key_file.as_deref();
        Secret::configured(self.s3_secret_key.as_ref(), SECRET_KEY_FILE, file)
    }

    /// The files that its settings name, and the folder of uploads.
    pub fn files(&self) -> Vec<NamedFile> {
        let mut files = Vec::new();
        if let Some(location) = &self.location
            && self.bucket().is_none()
        {
            // One that several nodes share is mounted; a new one in its place would be another.
            let folder = Path::new(location);
            files.push(NamedFile::folder(
                "uploads.location",
                folder,
                !self.is_shared,
            ));
        }
        if let Some(path) = &self.s3_secret_key_file {
            files.push(NamedFile::secret(
                SECRET_KEY_FILE,
                path,
                "the key that requests to the bucket are signed with",
                |bytes| secret_text(bytes).map(drop),
            ));
        }
        if let Some(path) = &self.s3_ca_file {
            files.push(onsale_tls::authorities_file("uploads.s3_ca_file", path));
        }
        files
    }

    /// Bucket and prefix, where it is one.
    pub(crate) fn bucket(&self) -> Option<(&str, &str)> {
        let place = self.location.as_deref()?.strip_prefix(S3)?;
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        Some((bucket, prefix.trim_matches('/')))
    }

    /// Adds a folder of which nobody has said that several nodes share it: what one keeps there no other shows,
    /// and what any of them deletes may lie on another.
    pub fn check_shared(&self, problems: &mut Vec<ConfigProblem>) {
        let Some(location) = &self.location else {
            return;
        };
        if self.bucket().is_none() && !self.is_shared {
            problems.push(ConfigProblem::new(
                "uploads.location",
                format!("{location:?}"),
                "s3://BUCKET or s3://BUCKET/PREFIX with kafka.brokers, or a folder that is the same one on all \
                 nodes, with uploads.is_shared = true",
            ));
        }
    }

    /// Adds every setting that cannot be used.
    pub fn check(&self, problems: &mut Vec<ConfigProblem>) {
        check_range(
            problems,
            "uploads.timeout_seconds",
            self.timeout_seconds,
            1..=300,
        );
        check_range(
            problems,
            "uploads.read_memory_mib",
            self.read_memory_mib,
            READ_MEMORY_MIB,
        );
        check_range(problems, "uploads.read_seconds", self.read_seconds, 1..=60);
        let Some(location) = &self.location else {
            return;
        };
        let Some((bucket, _)) = self.bucket() else {
            if location.trim().is_empty() || location.contains("://") {
                let value = format!("{location:?}");
                problems.push(ConfigProblem::new(
                    "uploads.location",
                    value,
                    LOCATION_EXPECTED,
                ));
            }
            return;
        };
        if bucket.is_empty() {
            let value = format!("{location:?}");
            problems.push(ConfigProblem::new(
                "uploads.location",
                value,
                LOCATION_EXPECTED,
            ));
        }
        let endpoint = self.s3_endpoint.as_deref().unwrap_or_default();
        let is_url = endpoint.starts_with("https://") || endpoint.starts_with("http://");
        // Someone may have written the key into it, so it is not repeated then.
        let has_key = endpoint.contains('@');
        if !is_url || has_key {
            let value = if has_key {
                "(hidden)".to_owned()
            } else {
                format!("{endpoint:?}")
            };
            problems.push(ConfigProblem::new(
                "uploads.s3_endpoint",
                value,
                "the server of the bucket, as https://s3.example.test",
            ));
        }
        if self.s3_access_key.as_deref().is_none_or(str::is_empty) {
            problems.push(ConfigProblem::new(
                "uploads.s3_access_key",
                "(not set)",
                "the id of the key that requests to the bucket are signed with",
            ));
        }
        match (&self.s3_secret_key, &self.s3_secret_key_file) {
            (None, None) => problems.push(ConfigProblem::new(
                "uploads.s3_secret_key",
                "(not set)",
                "the key that requests to the bucket are signed with (or uploads.s3_secret_key_file)",
            )),
            (given, file) => Secret::check_once(
                problems,
                ("uploads", "s3_secret_key"),
                given.as_ref(),
                file.as_deref(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket() -> UploadsConfig {
        UploadsConfig {
            location: Some("s3://house/images/".to_owned()),
            s3_endpoint: Some("https://s3.example.test".to_owned()),
            s3_access_key: Some("key".to_owned()),
            s3_secret_key: Some(Secret::new("secret")),
            ..UploadsConfig::default()
        }
    }

    #[test]
    fn wrong_values_are_named() {
        let folder = |location: &str| UploadsConfig {
            location: Some(location.to_owned()),
            ..UploadsConfig::default()
        };
        let cases = [
            (UploadsConfig::default(), vec![]),
            (folder("/srv/uploads"), vec![]),
            (folder(" "), vec!["uploads.location"]),
            (folder("gs://house"), vec!["uploads.location"]),
            (bucket(), vec![]),
            (
                folder("s3://"),
                vec![
                    "uploads.location",
                    "uploads.s3_endpoint",
                    "uploads.s3_access_key",
                    "uploads.s3_secret_key",
                ],
            ),
            (
                UploadsConfig {
                    s3_secret_key_file: Some("x".into()),
                    ..bucket()
                },
                vec!["uploads"],
            ),
            (
                UploadsConfig {
                    s3_endpoint: Some("https://key:secret@s3.example.test".to_owned()),
                    ..bucket()
                },
                vec!["uploads.s3_endpoint"],
            ),
            (
                UploadsConfig {
                    timeout_seconds: 0,
                    ..UploadsConfig::default()
                },
                vec!["uploads.timeout_seconds"],
            ),
            (
                UploadsConfig {
                    read_memory_mib: 64,
                    read_seconds: 61,
                    ..UploadsConfig::default()
                },
                vec!["uploads.read_memory_mib", "uploads.read_seconds"],
            ),
        ];
        for (config, wrong) in cases {
            let mut problems = Vec::new();
            config.check(&mut problems);
            let named: Vec<&str> = problems.iter().map(|p| p.key.as_str()).collect();
            assert_eq!(named, wrong, "{config:?}");
            let said = format!("{problems:?}");
            assert!(!said.contains("secret@"), "{said}");
        }
    }

    #[test]
    fn a_folder_of_several_nodes_is_one_that_they_share() {
        let folder = |is_shared| UploadsConfig {
            location: Some("/srv/uploads".to_owned()),
            is_shared,
            ..UploadsConfig::default()
        };
        for (config, is_fine) in [
            (UploadsConfig::default(), true),
            (bucket(), true),
            (folder(true), true),
            (folder(false), false),
        ] {
            let mut problems = Vec::new();
            config.check_shared(&mut problems);
            assert_eq!(problems.is_empty(), is_fine, "{problems:?}");
        }
    }

    #[test]
    fn a_bucket_may_have_a_prefix() {
        assert_eq!(bucket().bucket(), Some(("house", "images")));
        assert_eq!(UploadsConfig::default().bucket(), None);
    }
}
