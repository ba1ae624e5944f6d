//! Who writes the mails of this installation, and who reads the answers.

use lettre::Address;
use lettre::message::Mailbox;

use crate::config::MailConfig;

/// Whom mails are from, and whom people write to.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    pub(crate) from: Mailbox,
    /// Who reads what people write, where that is somebody else.
    pub(crate) reply_to: Option<Mailbox>,
}

impl Sender {
    /// As the configuration says; `None` where it holds no addresses, which it is checked for.
    pub(crate) fn of(config: &MailConfig) -> Option<Self> {
        let reply_to = config
            .contact
            .as_deref()
            .map(str::parse::<Mailbox>)
            .transpose();
        Some(Self {
            from: config.from.parse().ok()?,
            reply_to: reply_to.ok()?,
        })
    }

    /// What this installation calls itself in its mails.
    pub(crate) fn house(&self) -> &str {
        let name = self.from.name.as_deref().map(str::trim);
        name.filter(|name| !name.is_empty())
            .unwrap_or_else(|| self.from.email.domain())
    }

    /// The address that people write to.
    pub(crate) fn contact(&self) -> &str {
        let address: &Address = &self.reply_to.as_ref().unwrap_or(&self.from).email;
        address.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_write_to_the_contact_or_else_to_the_sender() {
        let mut config = MailConfig {
            from: "Opera <noreply@example.test>".to_owned(),
            ..MailConfig::default()
        };
        let sender = Sender::of(&config).unwrap();
        assert_eq!(sender.house(), "Opera");
        assert_eq!(sender.contact(), "noreply@example.test");
        config.contact = Some("Help <help@example.test>".to_owned());
        let sender = Sender::of(&config).unwrap();
        assert_eq!(sender.contact(), "help@example.test");
        config.from = "noreply@example.test".to_owned();
        assert_eq!(Sender::of(&config).unwrap().house(), "example.test");
        config.contact = Some("nobody".to_owned());
        assert!(Sender::of(&config).is_none());
    }
}
