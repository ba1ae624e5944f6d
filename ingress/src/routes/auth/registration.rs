//! What requests that create an account have in common.

use onsale_accounts::passwords::{PASSWORD_MAX_BYTES, PASSWORD_MIN_CHARS};
use onsale_accounts::{EMAIL_MAX_BYTES, LOCALE_MAX_BYTES, NAME_MAX_CHARS};

use crate::bounds::{Bound, LANGUAGE_TAG, Of};

/// The body of a request that creates an account: these fields of its own, each a secret, and those of
/// the person. It is read from callers whom nobody knows. (`serde(flatten)` does not refuse unknown fields.)
macro_rules! registration_request {
    (
        $(#[$about:meta])*
        $name:ident { $($(#[$of_field:meta])* $field:ident,)* }
    ) => {
        $(#[$about])*
        #[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $name {
            $(
                $(#[$of_field])*
                #[schema(value_type = String)]
                $field: onsale_private::Private,
            )*
            #[schema(value_type = String, example = "nobody@example.test")]
            email: onsale_private::Private,
            /// At least 8 characters, none of the best known ones, nor the address or the name.
            #[schema(value_type = String)]
            password: onsale_private::Private,
            #[schema(value_type = Option<String>)]
            name: Option<onsale_private::Private>,
            /// The tag of a language, as `th` or `en-GB`: mails are written in it.
            locale: Option<String>,
        }

        pub(super) const BOUNDS: $crate::bounds::Bounds =
            &$crate::routes::auth::registration::bounds(stringify!($name));

        impl $name {
            /// What is registered.
            fn registration(self) -> onsale_accounts::Registration {
                onsale_accounts::Registration {
                    email: self.email,
                    password: self.password,
                    name: self.name,
                    locale: self.locale,
                }
            }
        }

        impl $crate::extract::RequestBody for $name {
            const PUBLIC: bool = true;
            const SECRET: bool = true;
            const OPEN: &'static [&'static str] = &["locale"];

            fn admit(
                _caller: &$crate::auth::Caller,
                _state: &$crate::state::AppState,
            ) -> Result<(), $crate::error::ApiError> {
                Ok(())
            }
        }
    };
}
pub(super) use registration_request;

/// The bounds of the fields of the person.
pub(super) const fn bounds(schema: &'static str) -> [(Of, Bound); 4] {
    [
        (Of::Field(schema, "email"), Bound::Length(EMAIL_MAX_BYTES)),
        (
            Of::Field(schema, "password"),
            Bound::Between(PASSWORD_MIN_CHARS, PASSWORD_MAX_BYTES),
        ),
        (Of::Field(schema, "name"), Bound::Line(NAME_MAX_CHARS)),
        (
            Of::Field(schema, "locale"),
            Bound::Form(LANGUAGE_TAG, LOCALE_MAX_BYTES),
        ),
    ]
}
