//! The files `~/.aws/config` and `~/.aws/credentials`.

use std::collections::BTreeMap;

use crate::environment::Environment;
use crate::error::{CloudError, file};

/// Settings by profile.
#[derive(Debug, Default)]
pub(super) struct Profiles(BTreeMap<String, Profile>);

/// The settings of a profile; those of the credentials file win.
pub(super) type Profile = BTreeMap<String, String>;

impl Profiles {
    pub(super) fn load(environment: &Environment) -> Result<Self, CloudError> {
        let folder = environment.home().map(|home| home.join(".aws"));
        let mut profiles = Self::default();
        for (variable, name, is_config) in [
            ("AWS_CONFIG_FILE", "config", true),
            ("AWS_SHARED_CREDENTIALS_FILE", "credentials", false),
        ] {
            let path = environment.get(variable).map(Into::into);
            let Some(path) = path.or_else(|| folder.as_ref().map(|folder| folder.join(name))) else {
                continue;
            };
            match std::fs::read_to_string(&path) {
                Ok(text) => profiles.read(&text, is_config),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(file(path, error)),
            }
        }
        Ok(profiles)
    }

    fn read(&mut self, text: &str, is_config: bool) {
        let mut current: Option<String> = None;
        for line in text.lines() {
            let nested = line.starts_with([' ', '\t']);
            let line = line.trim();
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            if let Some(section) = line.strip_prefix('[').and_then(|line| line.split(']').next()) {
                let section = section.trim();
                current = match (is_config, section.split_once(char::is_whitespace)) {
                    (false, _) => Some(section.to_owned()),
                    (true, None) => (section == "default").then(|| section.to_owned()),
                    (true, Some(("profile", name))) => Some(name.trim().trim_matches('"').to_owned()),
                    (true, Some(_)) => None,
                };
                if let Some(name) = &current {
                    self.0.entry(name.clone()).or_default();
                }
            } else if let Some((key, value)) = line.split_once('=')
                && let Some(profile) = current.as_ref().and_then(|name| self.0.get_mut(name))
                && !nested
            {
                let value = value.split(" #").next().unwrap_or_default();
                profile.insert(key.trim().to_lowercase(), value.trim().to_owned());
            }
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Profile> {
        self.0.get(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_joined_from_both_files() {
        let mut profiles = Profiles::default();
        let config = "[default]\nregion = eu-west-1 # near\n[profile dev]\nrole_arn=arn:x\nsource_profile = default\n\
                      s3 =\n  addressing_style = path\n[sso-session x]\nsso_region = y\n[dev]\nregion = no\n";
        profiles.read(config, true);
        profiles.read(
            "[default]\naws_access_key_id = A\n[other]\naws_access_key_id=B\n",
            false,
        );
        let value = |profile: &str, key: &str| profiles.get(profile)?.get(key).map(String::as_str);
        assert_eq!(value("default", "region"), Some("eu-west-1"));
        assert_eq!(value("default", "aws_access_key_id"), Some("A"));
        assert_eq!(value("dev", "source_profile"), Some("default"));
        assert_eq!(
            (value("dev", "addressing_style"), value("dev", "region")),
            (None, None)
        );
        assert_eq!(value("other", "aws_access_key_id"), Some("B"));
        assert!(profiles.get("sso-session x").is_none() && profiles.get("x").is_none());
    }
}
