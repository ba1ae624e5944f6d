//! Where each sealed value lies. A value opens only at the place it was sealed for, so these names never
//! change, also where a column is renamed.

use onsale_private::Place;
use uuid::Uuid;

/// The key of hashes for look-ups, which has no row but its own.
pub const LOOKUP_KEY: Place = Place {
    table: "lookup_keys",
    column: "key_sealed",
    row: Uuid::nil(),
};

/// The address of an account.
pub fn email(user: Uuid) -> Place {
    of_user("email_sealed", user)
}

/// The name of an account's person.
pub fn name(user: Uuid) -> Place {
    of_user("name_sealed", user)
}

/// The telephone number of an account's person.
pub fn phone(user: Uuid) -> Place {
    of_user("phone_sealed", user)
}

/// The program that a session was opened with.
pub fn agent(session: Uuid) -> Place {
    of_session("agent_sealed", session)
}

/// The network address that a session was opened from.
pub fn address(session: Uuid) -> Place {
    of_session("address_sealed", session)
}

/// The address that an invitation was sent to.
pub fn invited(invitation: Uuid) -> Place {
    Place {
        table: "one_time_tokens",
        column: "address_sealed",
        row: invitation,
    }
}

/// The address that an account is to get.
pub fn new_email(change: Uuid) -> Place {
    Place {
        table: "address_changes",
        column: "email_sealed",
        row: change,
    }
}

/// The address of a guest.
pub fn guest_email(guest: Uuid) -> Place {
    Place {
        table: "guests",
        column: "email_sealed",
        row: guest,
    }
}

/// The secret of an authenticator app.
pub fn totp_secret(factor: Uuid) -> Place {
    Place {
        table: "totp_factors",
        column: "secret_sealed",
        row: factor,
    }
}

/// Public key and counter of a passkey.
pub fn credential(passkey: Uuid) -> Place {
    Place {
        table: "passkeys",
        column: "credential_sealed",
        row: passkey,
    }
}

/// What a person calls a passkey.
pub fn passkey_name(passkey: Uuid) -> Place {
    Place {
        table: "passkeys",
        column: "name_sealed",
        row: passkey,
    }
}

/// An answer that is remembered under an idempotency key.
pub fn account_answer(answer: Uuid) -> Place {
    Place {
        table: "account_answers",
        column: "answer_sealed",
        row: answer,
    }
}

/// The text of a code of a show, by its hash.
pub fn code_text(code: Uuid) -> Place {
    Place {
        table: "codes",
        column: "text_sealed",
        row: code,
    }
}

/// What a server remembers of a ceremony that has begun. It is in no table: the client keeps it.
pub fn ceremony(ceremony: Uuid) -> Place {
    Place {
        table: "used_ceremonies",
        column: "state",
        row: ceremony,
    }
}

/// The token of a link, in the payload of the job that mails it.
pub fn mailed_token(mail: Uuid) -> Place {
    Place {
        table: "jobs",
        column: "payload",
        row: mail,
    }
}

/// The address that a mail goes to that is not the account's, as that of an invitation, in the payload of its job.
pub fn mailed_address(mail: Uuid) -> Place {
    Place {
        table: "jobs",
        column: "payload.address",
        row: mail,
    }
}

fn of_user(column: &'static str, row: Uuid) -> Place {
    Place {
        table: "users",
        column,
        row,
    }
}

fn of_session(column: &'static str, row: Uuid) -> Place {
    Place {
        table: "sessions",
        column,
        row,
    }
}
