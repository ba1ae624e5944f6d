//! Where browsers reach this installation: one setting, `http.public_url`, from which the rest follows.

use onsale_accounts::AccountsConfig;
use onsale_messages::MailConfig;
use onsale_settings::LOCAL_URL;

use super::{Config, Problem, shown_url};

/// Settings of earlier versions that `http.public_url` replaces.
const LINKS: &str = "mail.link_base_url";
const CALLBACKS: &str = "accounts.public_url";
const PAGES: &str = "accounts.pages_url";
const PUBLIC: &str = "http.public_url";

impl Config {
    /// Whether anything says where browsers reach this installation.
    pub(crate) fn has_public_url(&self) -> bool {
        self.http.public_url.is_some() || self.mail.link_base_url.is_some()
    }

    /// Where browsers reach this installation.
    pub(crate) fn public_url(&self) -> &str {
        self.http.public_url.as_deref().unwrap_or(LOCAL_URL)
    }

    /// Where links lead to: to the pages.
    pub(crate) fn links_url(&self) -> &str {
        let links = self.mail.link_base_url.as_deref();
        let pages = self.accounts.pages_url.as_deref();
        links.or(pages).unwrap_or(self.public_url())
    }

    /// Accounts with each address that follows from others.
    pub(crate) fn accounts(&self) -> AccountsConfig {
        let mut accounts = self.accounts.clone();
        let links = self.mail.link_base_url.as_deref();
        let pages = accounts.pages_url.as_deref().or(links);
        accounts.pages_url = Some(pages.unwrap_or(self.public_url()).to_owned());
        accounts
            .public_url
            .get_or_insert_with(|| self.public_url().to_owned());
        accounts
    }

    /// Mails with the address that links lead to.
    pub(crate) fn mail(&self) -> MailConfig {
        MailConfig {
            link_base_url: Some(self.links_url().to_owned()),
            ..self.mail.clone()
        }
    }

    /// A sentence for each setting that is set by its older name, with the newer one.
    pub(crate) fn older_settings(&self) -> Vec<String> {
        let set = self.older_addresses().into_iter();
        let set = set.filter(|(_, value)| value.is_some());
        set.map(|(key, _)| {
            format!(
                "{key} is the older name of {PUBLIC}, which is for links and callbacks alike: set that in its place, \
                 and {PAGES} where the pages are elsewhere"
            )
        })
        .collect()
    }

    fn older_addresses(&self) -> [(&'static str, Option<&str>); 2] {
        [
            (CALLBACKS, self.accounts.public_url.as_deref()),
            (LINKS, self.mail.link_base_url.as_deref()),
        ]
    }

    /// Names what is wrong with an address by the setting that it comes from, each once, and adds where an older
    /// setting contradicts the newer.
    pub(super) fn name_addresses(&self, problems: &mut Vec<Problem>) {
        let is_named = problems.iter().any(|problem| problem.key == PUBLIC);
        problems.retain_mut(|problem| {
            let follows = match problem.key.as_str() {
                CALLBACKS => self.accounts.public_url.is_none(),
                LINKS => self.mail.link_base_url.is_none(),
                PAGES => self.accounts.pages_url.is_none(),
                _ => return true,
            };
            if !follows {
                return true;
            }
            // Of callbacks more is expected than of other addresses.
            let is_more = problem.key == CALLBACKS && !is_named;
            PUBLIC.clone_into(&mut problem.key);
            is_more
        });
        let Some(public) = self.http.public_url.as_deref() else {
            return;
        };
        for (key, older) in self.older_addresses() {
            if let Some(older) = older
                && older.trim_end_matches('/') != public.trim_end_matches('/')
            {
                problems.push(Problem::new(
                    key,
                    shown_url(older),
                    format!(
                        "no value, as {PUBLIC} is set; {PAGES} says where the pages are, if elsewhere"
                    ),
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(config: &Config) -> Vec<String> {
        let problems = config.problems(None).into_iter();
        problems.map(|problem| problem.key).collect()
    }

    fn some(url: &str) -> Option<String> {
        Some(url.to_owned())
    }

    /// Links, pages and callbacks.
    fn addresses(config: &Config) -> [String; 3] {
        let accounts = config.accounts();
        [
            config.mail().link_base_url.unwrap(),
            accounts.pages_url.unwrap(),
            accounts.public_url.unwrap(),
        ]
    }

    #[test]
    fn one_setting_says_all_addresses() {
        let mut config = Config::for_tests();
        assert_eq!(addresses(&config), [LOCAL_URL; 3]);
        assert!(!config.has_public_url());
        let public = "https://tickets.example.test";
        config.http.public_url = some(public);
        assert_eq!(addresses(&config), [public; 3]);
        assert!(config.older_settings().is_empty());
        let pages = "https://pages.example.test";
        config.accounts.pages_url = some(pages);
        assert_eq!(addresses(&config), [pages, pages, public]);
        assert_eq!(named(&config), [""; 0]);
    }

    #[test]
    fn older_settings_count_and_are_named() {
        let mut config = Config::for_tests();
        let (links, callbacks) = ("https://links.example.test/x", "https://api.example.test");
        config.mail.link_base_url = some(links);
        config.accounts.public_url = some(callbacks);
        assert_eq!(addresses(&config), [links, links, callbacks]);
        assert_eq!(named(&config), [""; 0]);
        let older = config.older_settings();
        assert_eq!(older.len(), 2, "{older:?}");
        for (said, key) in older.iter().zip([CALLBACKS, LINKS]) {
            assert!(said.starts_with(key) && said.contains(PUBLIC), "{said}");
        }
        // The newer says something else.
        config.http.public_url = some(callbacks);
        assert_eq!(named(&config), [LINKS]);
        config.mail.link_base_url = some("https://api.example.test/");
        assert_eq!(named(&config), [""; 0]);
    }

    #[test]
    fn what_is_wrong_is_named_by_what_is_set_and_once() {
        for wrong in [
            "tickets.example.test",
            "https://h/shop",
            "https://u:p@h",
            "https://h:99999",
            "https://h:0",
        ] {
            let mut config = Config::for_tests();
            config.http.public_url = some(wrong);
            assert_eq!(named(&config), [PUBLIC], "{wrong}");
        }
        let mut config = Config::for_tests();
        config.accounts.pages_url = some("tickets.example.test");
        assert_eq!(named(&config), [PAGES]);
        // Links may lead to a network of one's own in the clear; providers send nobody back there.
        let mut config = Config::for_tests();
        config.http.public_url = some("http://tickets.example.test");
        assert_eq!(named(&config), [""; 0]);
        let house = onsale_accounts::ProviderConfig {
            issuer: some("https://id.example.test"),
            client_id: "id".to_owned(),
            ..onsale_accounts::ProviderConfig::default()
        };
        config.accounts.providers = [("house".to_owned(), house)].into();
        assert_eq!(named(&config), [PUBLIC]);
    }
}
