//! What mails say, in English and Thai.

use onsale_schemas::MemberRole;
use onsale_store::account::Purpose;
use onsale_store::notice::Notice;

use crate::sender::Sender;

/// A language that mails are written in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Language {
    English,
    Thai,
}

/// Subject and text of a mail.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Text {
    pub(crate) subject: String,
    pub(crate) body: String,
}

impl Language {
    /// The one for a person with this tag (BCP 47); English where there is no other.
    pub(crate) fn of(locale: Option<&str>) -> Self {
        let language = locale.and_then(|tag| tag.split('-').next());
        match language {
            Some(language) if language.eq_ignore_ascii_case("th") => Self::Thai,
            _ => Self::English,
        }
    }

    /// Its tag (BCP 47), for what reads a mail aloud.
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Thai => "th",
        }
    }
}

/// A link in a mail.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link<'a> {
    pub(crate) url: &'a str,
    /// How long it is still good, in milliseconds.
    pub(crate) left_ms: u64,
}

/// The mail that brings a link; `None` for a purpose that is not mailed to an account.
pub(crate) fn link(
    language: Language,
    purpose: Purpose,
    name: Option<&str>,
    link: Link<'_>,
) -> Option<Text> {
    let hello = hello(language, name);
    let expires = expires(language, link.left_ms);
    let url = link.url;
    let (subject, what, otherwise) = match (language, purpose) {
        (Language::English, Purpose::VerifyEmail) => (
            "Please confirm your e-mail address",
            "Please confirm that this e-mail address is yours:",
            "Open the link in the browser in which you are signed in. If you did not create an account with us, \
             ignore this mail.",
        ),
        (Language::English, Purpose::ResetPassword) => (
            "Set a new password",
            "You can set a new password here:",
            "If you did not ask to do so, ignore this mail: your password stays as it is.",
        ),
        (Language::English, Purpose::ChangeEmail) => (
            "Please confirm your new e-mail address",
            "You asked us to use this e-mail address for your account. Please confirm the change:",
            "Open the link in the browser in which you are signed in. If you did not ask for the change, ignore \
             this mail and do not open the link.",
        ),
        (Language::Thai, Purpose::VerifyEmail) => (
            "โปรดยืนยันอีเมลของคุณ",
            "โปรดยืนยันว่าอีเมลนี้เป็นของคุณ:",
            "โปรดเปิดลิงก์ในเบราว์เซอร์ที่คุณเข้าสู่ระบบไว้ หากคุณไม่ได้สร้างบัญชีกับเรา โปรดละเว้นอีเมลนี้",
        ),
        (Language::Thai, Purpose::ResetPassword) => (
            "ตั้งรหัสผ่านใหม่",
            "คุณสามารถตั้งรหัสผ่านใหม่ได้ที่นี่:",
            "หากคุณไม่ได้ร้องขอ โปรดละเว้นอีเมลนี้ รหัสผ่านของคุณจะยังคงเดิม",
        ),
        (Language::Thai, Purpose::ChangeEmail) => (
            "โปรดยืนยันอีเมลใหม่ของคุณ",
            "คุณได้ขอใช้อีเมลนี้กับบัญชีของคุณ โปรดยืนยันการเปลี่ยนอีเมลได้ที่นี่:",
            "โปรดเปิดลิงก์ในเบราว์เซอร์ที่คุณเข้าสู่ระบบไว้ หากคุณไม่ได้ร้องขอ โปรดละเว้นอีเมลนี้และอย่าเปิดลิงก์",
        ),
        (_, Purpose::Invitation | Purpose::FirstAdmin) => return None,
    };
    Some(Text {
        subject: subject.to_owned(),
        body: format!("{hello}\n\n{what}\n\n{url}\n\n{expires} {otherwise}\n"),
    })
}

/// How long a link is still good, rounded down to something that people count in. A mail is a moment younger than
/// its link, so a minute that has begun is a whole one.
fn expires(language: Language, left_ms: u64) -> String {
    let minutes = left_ms.div_ceil(60_000).max(1);
    let (number, english, thai) = match minutes {
        0..60 => (minutes, "minute", "นาที"),
        60..2_880 => (minutes / 60, "hour", "ชั่วโมง"),
        _ => (minutes / 1_440, "day", "วัน"),
    };
    match language {
        Language::English => {
            let ending = if number == 1 { "" } else { "s" };
            format!("The link expires in {number} {english}{ending}.")
        }
        Language::Thai => format!("ลิงก์นี้จะหมดอายุใน {number} {thai}"),
    }
}

fn hello(language: Language, name: Option<&str>) -> String {
    match (language, name) {
        (Language::English, Some(name)) => format!("Hello {name},"),
        (Language::English, None) => "Hello,".to_owned(),
        (Language::Thai, Some(name)) => format!("สวัสดีคุณ {name}"),
        (Language::Thai, None) => "สวัสดี".to_owned(),
    }
}

/// The mail that tells a person what happened to its account.
pub(crate) fn notice(
    language: Language,
    sender: &Sender,
    notice: Notice,
    name: Option<&str>,
) -> Text {
    let (house, contact) = (sender.house(), sender.contact());
    let (subject, what) = match language {
        Language::English => happened(notice),
        Language::Thai => happened_in_thai(notice),
    };
    let otherwise = match (language, notice) {
        // A link that sets a password would go to the new address.
        (Language::English, Notice::AddressChanged) => format!(
            "If this was not you, someone else now controls your account, and you cannot recover it yourself: \
             write to {contact} at once."
        ),
        (Language::Thai, Notice::AddressChanged) => format!(
            "หากไม่ใช่คุณ แสดงว่ามีผู้อื่นเข้าถึงบัญชีของคุณ และคุณไม่สามารถกู้คืนได้ด้วยตนเอง โปรดแจ้งให้เราทราบทันทีที่ {contact}"
        ),
        (Language::English, _) => format!(
            "If this was not you, set a new password, end all sessions, and write to {contact} at once."
        ),
        (Language::Thai, _) => {
            format!("หากไม่ใช่คุณ โปรดตั้งรหัสผ่านใหม่ ออกจากระบบทุกอุปกรณ์ และแจ้งให้เราทราบทันทีที่ {contact}")
        }
    };
    let hello = hello(language, name);
    Text {
        subject: format!("{house}: {subject}"),
        body: format!("{hello}\n\n{what}\n\n{otherwise}\n"),
    }
}

fn happened(notice: Notice) -> (&'static str, &'static str) {
    match notice {
        Notice::TotpAdded => (
            "an authenticator app was added",
            "An authenticator app was added to your account. From now on you need its code to sign in.",
        ),
        Notice::TotpRemoved => (
            "the authenticator app was removed",
            "The authenticator app was removed from your account. You no longer need its codes to sign in.",
        ),
        Notice::PasskeyAdded => (
            "a passkey was added",
            "A passkey was added to your account. It can now be used to sign in.",
        ),
        Notice::PasskeyRemoved => (
            "a passkey was removed",
            "A passkey was removed from your account. It can no longer be used to sign in.",
        ),
        Notice::RecoveryCodeUsed => (
            "a recovery code was used",
            "One of your account's recovery codes was used. Each code works only once; when you are running low, \
             create new ones.",
        ),
        Notice::CodesTried => (
            "wrong codes were entered for your account",
            "Someone entered the password of your account correctly, and then several wrong codes. Nobody was \
             signed in.",
        ),
        Notice::FactorsReset => (
            "two-step sign-in was switched off",
            "Our staff removed the authenticator app, passkeys and recovery codes from your account and signed \
             you out everywhere.",
        ),
        Notice::IdentityLinked => (
            "another account was linked to yours",
            "An account with another provider was linked to your account. It can now be used to sign in.",
        ),
        Notice::IdentityUnlinked => (
            "an account was unlinked from yours",
            "An account with another provider was unlinked from your account. It can no longer be used to sign \
             in.",
        ),
        Notice::PasswordChanged => (
            "your password was changed",
            "The password of your account was changed. All other devices were signed out.",
        ),
        Notice::PasswordReset => (
            "your password was reset",
            "The password of your account was reset through a link that we sent to this address. All devices \
             were signed out.",
        ),
        Notice::AddressChangeAsked => (
            "a change of your e-mail address was requested",
            "Someone signed in to your account asked to move it to another e-mail address. The change takes \
             effect when the link that we sent there is opened. Setting a new password cancels it.",
        ),
        Notice::AddressChanged => (
            "your e-mail address was changed",
            "Your account now has a different e-mail address. You can no longer sign in with this one, and we \
             will not send any more mails here.",
        ),
    }
}

fn happened_in_thai(notice: Notice) -> (&'static str, &'static str) {
    match notice {
        Notice::TotpAdded => (
            "เพิ่มแอปยืนยันตัวตนแล้ว",
            "มีการเพิ่มแอปยืนยันตัวตนในบัญชีของคุณ จากนี้ไปต้องใช้รหัสจากแอปเพื่อเข้าสู่ระบบ",
        ),
        Notice::TotpRemoved => (
            "นำแอปยืนยันตัวตนออกแล้ว",
            "แอปยืนยันตัวตนถูกนำออกจากบัญชีของคุณ ระบบจะไม่ขอรหัสจากแอปอีก",
        ),
        Notice::PasskeyAdded => ("เพิ่มพาสคีย์แล้ว", "มีการเพิ่มพาสคีย์ในบัญชีของคุณ คุณสามารถใช้เข้าสู่ระบบได้"),
        Notice::PasskeyRemoved => ("นำพาสคีย์ออกแล้ว", "มีการนำพาสคีย์ออกจากบัญชีของคุณ"),
        Notice::RecoveryCodeUsed => (
            "มีการใช้รหัสกู้คืน",
            "มีการใช้รหัสกู้คืนหนึ่งรหัสของบัญชีคุณ รหัสนั้นใช้ไม่ได้อีก เมื่อเหลือน้อยโปรดขอรหัสชุดใหม่",
        ),
        Notice::CodesTried => (
            "มีการป้อนรหัสผิดสำหรับบัญชีของคุณ",
            "มีผู้ป้อนรหัสผ่านของบัญชีคุณถูกต้อง แล้วป้อนรหัสยืนยันผิดหลายครั้ง แต่ไม่มีใครเข้าสู่ระบบได้",
        ),
        Notice::FactorsReset => (
            "ปิดการเข้าสู่ระบบสองขั้นตอนแล้ว",
            "เจ้าหน้าที่ของเรานำแอปยืนยันตัวตน พาสคีย์ และรหัสกู้คืนออกจากบัญชีของคุณ และสิ้นสุดการเข้าสู่ระบบทั้งหมด",
        ),
        Notice::IdentityLinked => (
            "มีการเชื่อมบัญชีอื่นกับบัญชีของคุณ",
            "มีการเชื่อมบัญชีของผู้ให้บริการอื่นกับบัญชีของคุณ คุณสามารถใช้บัญชีนั้นเข้าสู่ระบบได้",
        ),
        Notice::IdentityUnlinked => (
            "ยกเลิกการเชื่อมบัญชีอื่นกับบัญชีของคุณแล้ว",
            "บัญชีของผู้ให้บริการอื่นถูกยกเลิกการเชื่อมกับบัญชีของคุณ และใช้เข้าสู่ระบบไม่ได้อีก",
        ),
        Notice::PasswordChanged => (
            "รหัสผ่านของคุณถูกเปลี่ยนแล้ว",
            "มีการเปลี่ยนรหัสผ่านของบัญชีคุณ และอุปกรณ์อื่นออกจากระบบแล้ว",
        ),
        Notice::PasswordReset => (
            "รหัสผ่านของคุณถูกตั้งใหม่แล้ว",
            "มีการตั้งรหัสผ่านใหม่ของบัญชีคุณด้วยลิงก์ที่ส่งมายังอีเมลนี้ และทุกอุปกรณ์ออกจากระบบแล้ว",
        ),
        Notice::AddressChangeAsked => (
            "มีการขอเปลี่ยนอีเมลของบัญชี",
            "มีการขอใช้อีเมลอื่นกับบัญชีของคุณ อีเมลจะเปลี่ยนเมื่อมีผู้เปิดลิงก์ที่ส่งไปยังอีเมลนั้น การตั้งรหัสผ่านใหม่จะทำให้ลิงก์นั้นใช้ไม่ได้",
        ),
        Notice::AddressChanged => (
            "อีเมลของบัญชีคุณถูกเปลี่ยนแล้ว",
            "บัญชีของคุณใช้อีเมลอื่นแล้ว อีเมลนี้ใช้เข้าสู่ระบบไม่ได้อีก และเราจะไม่ส่งข้อความมาที่นี่อีก",
        ),
    }
}

/// The mail that invites to a tenant of a house. The tenant's name is an organizer's text, which this mail
/// brings to strangers: so the house speaks first, and the name stands in quotation marks that it cannot
/// close.
pub(crate) fn invitation(
    language: Language,
    house: &str,
    tenant: &str,
    role: MemberRole,
    link: Link<'_>,
) -> Text {
    let expires = expires(language, link.left_ms);
    let url = link.url;
    let is_mark = |c: char| matches!(c, '"' | '\u{201c}'..='\u{201f}');
    let tenant = format!("\u{201c}{}\u{201d}", tenant.replace(is_mark, "'"));
    match language {
        Language::English => {
            let role = match role {
                MemberRole::Owner => "as an owner",
                MemberRole::Manager => "as a manager",
                MemberRole::Finance => "to look after its finances",
                MemberRole::BoxOffice => "to work at its box office",
                MemberRole::Scanner => "to scan tickets at the door",
            };
            Text {
                subject: format!("{house}: invitation to the team of {tenant}"),
                body: format!(
                    "Hello,\n\nYou have been invited to join the team of {tenant} at {house} {role}. Sign in or \
                     register with this e-mail address to accept the invitation:\n\n{url}\n\n{expires} If you \
                     do not know what this is about, ignore this mail.\n"
                ),
            }
        }
        Language::Thai => {
            let role = match role {
                MemberRole::Owner => "เจ้าของ",
                MemberRole::Manager => "ผู้จัดการ",
                MemberRole::Finance => "การเงิน",
                MemberRole::BoxOffice => "จำหน่ายตั๋ว",
                MemberRole::Scanner => "ตรวจตั๋ว",
            };
            Text {
                subject: format!("{house}: คำเชิญเข้าร่วมทีม {tenant}"),
                body: format!(
                    "สวัสดี\n\nคุณได้รับเชิญจาก {house} ให้เข้าร่วมทีม {tenant} ในบทบาท{role} \
                     เข้าสู่ระบบหรือสมัครด้วยอีเมลนี้เพื่อตอบรับ:\n\n{url}\n\n{expires} หากคุณไม่ทราบเรื่องนี้ \
                     โปรดละเว้นอีเมลนี้\n"
                ),
            }
        }
    }
}

/// What the button of an invitation says.
pub(crate) fn accept(language: Language) -> &'static str {
    match language {
        Language::English => "Accept the invitation",
        Language::Thai => "ตอบรับคำเชิญ",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender() -> Sender {
        Sender {
            from: "Tickets <noreply@example.test>".parse().unwrap(),
            reply_to: Some("help@example.test".parse().unwrap()),
        }
    }

    #[test]
    fn a_mail_says_how_long_its_link_is_good() {
        const MINUTE_MS: u64 = 60_000;
        const HOUR_MS: u64 = 60 * MINUTE_MS;
        const DAY_MS: u64 = 24 * HOUR_MS;
        for (left_ms, english, thai) in [
            (0, "1 minute.", "1 นาที"),
            (59 * MINUTE_MS, "59 minutes.", "59 นาที"),
            // The mail is sent a moment after the link was made.
            (HOUR_MS - 400, "1 hour.", "1 ชั่วโมง"),
            (2 * HOUR_MS - 2 * MINUTE_MS, "1 hour.", "1 ชั่วโมง"),
            (DAY_MS, "24 hours.", "24 ชั่วโมง"),
            (3 * DAY_MS - 400, "3 days.", "3 วัน"),
            (7 * DAY_MS - HOUR_MS, "6 days.", "6 วัน"),
        ] {
            let said = expires(Language::English, left_ms);
            assert_eq!(said, format!("The link expires in {english}"));
            assert!(expires(Language::Thai, left_ms).ends_with(thai), "{thai}");
        }
    }

    #[test]
    fn a_tenant_cannot_speak_for_the_house() {
        let name = "Opera\u{201d}. \"Your account\u{201f} is locked";
        let role = MemberRole::Scanner;
        let text = invitation(
            Language::English,
            "Tickets",
            name,
            role,
            Link {
                url: "https://a.example",
                left_ms: 1,
            },
        );
        let quoted = "\u{201c}Opera'. 'Your account' is locked\u{201d}";
        assert!(text.subject.ends_with(quoted), "{}", text.subject);
        assert!(text.body.contains(quoted), "{}", text.body);
    }

    #[test]
    fn each_language_has_each_mail_with_its_link() {
        let url = "https://tickets.example.test/verify-email#token=ost_x";
        let to = Link {
            url,
            left_ms: 3_600_000,
        };
        for language in [Language::English, Language::Thai] {
            let until = expires(language, to.left_ms);
            for purpose in [
                Purpose::VerifyEmail,
                Purpose::ResetPassword,
                Purpose::ChangeEmail,
            ] {
                let text = link(language, purpose, Some("Nobody"), to).unwrap();
                assert!(text.body.contains(&until), "{}", text.body);
                assert!(text.body.contains(url) && text.body.contains("Nobody"));
                assert!(!text.subject.contains('\n'));
            }
        }
        for language in [Language::English, Language::Thai] {
            let until = expires(language, to.left_ms);
            for role in MemberRole::ALL {
                let text = invitation(language, "Tickets", "Opera", role, to);
                assert!(text.body.contains(&until), "{}", text.body);
                assert!(text.body.contains(url) && text.body.contains("Tickets"));
                assert!(text.subject.starts_with("Tickets: "));
                assert!(text.subject.contains("\u{201c}Opera\u{201d}"));
            }
        }
        let sender = sender();
        for language in [Language::English, Language::Thai] {
            for told in Notice::ALL {
                let text = notice(language, &sender, told, Some("Nobody"));
                assert!(text.body.contains("help@example.test"), "{}", text.body);
                assert!(text.subject.starts_with("Tickets: "), "{}", text.subject);
                assert!(text.body.contains("Nobody") && !text.body.contains("://"));
            }
            let changed = notice(language, &sender, Notice::AddressChanged, None);
            let asked = notice(language, &sender, Notice::AddressChangeAsked, None);
            let last = |text: &Text| text.body.lines().next_back().map(str::to_owned);
            // Whoever lost the address is not told to have a link sent.
            assert_ne!(last(&changed), last(&asked));
            let texts = Notice::ALL.map(|told| notice(language, &sender, told, None));
            for (number, text) in texts.iter().enumerate() {
                assert!(!texts[..number].contains(text), "{}", text.subject);
            }
        }
        assert_eq!(Language::of(Some("TH-th")), Language::Thai);
        assert_eq!(Language::of(Some("de")), Language::English);
        assert_eq!(Language::of(None), Language::English);
    }
}
