//! Codes of errors, with status and title.

use http::StatusCode;

/// What went wrong, as clients tell errors apart. Names and statuses are for ever.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(
    missing_docs,
    reason = "each one is its own code, in the OpenAPI document"
)]
pub enum Code {
    ValidationError,
    Unauthorized,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    RequestTimeout,
    InvalidCredentials,
    SecondFactorRequired,
    ConfirmationRequired,
    InvalidCode,
    ChallengeExpired,
    PasskeyTaken,
    TokenExpired,
    TokenReused,
    EmailTaken,
    SlugTaken,
    NotVerified,
    VerifiedAccountRequired,
    CrossSite,
    TooManyInvitations,
    TooManyKeys,
    LastOwner,
    LastAdmin,
    LinkExpired,
    SignInExpired,
    SignInAgain,
    NoPassword,
    LastWayIn,
    ProviderUnavailable,
    PayloadTooLarge,
    UnsupportedMediaType,
    SeatUnavailable,
    InsufficientStock,
    MaxPerUserExceeded,
    GuestPurchaseMade,
    SaleNotOpen,
    SaleClosed,
    PriceChanged,
    AlreadyConfirmed,
    AlreadyCancelled,
    PaymentReferenceUsed,
    AmountMismatch,
    PaymentFailed,
    PaymentInProgress,
    AlreadyPaid,
    CoolingDown,
    TypeNotOffered,
    CodeRefused,
    AccessCodeRequired,
    TypeNotOnSale,
    TypeQuantity,
    WrongSeatKind,
    CompanionAlone,
    LeavesSingleSeat,
    CodeExists,
    NotConfirmed,
    PlacesNotOfBooking,
    LayoutChanged,
    TermsUnknown,
    ShowCancelled,
    VenueInUse,
    StillOnSale,
    HasSales,
    PreconditionFailed,
    QuotaExceeded,
    ReservationExpired,
    RecordGone,
    IdempotencyKeyReused,
    RequestInProgress,
    RateLimited,
    Overloaded,
    PartitionUnavailable,
    NotSupported,
    InternalError,
}

impl Code {
    /// The code in the body.
    pub fn as_str(self) -> &'static str {
        self.row().0
    }

    /// Its HTTP status.
    pub fn status(self) -> StatusCode {
        self.row().1
    }

    /// A short title for people.
    pub fn title(self) -> &'static str {
        self.row().2
    }

    #[expect(clippy::too_many_lines, reason = "a table: a row a code")]
    fn row(self) -> (&'static str, StatusCode, &'static str) {
        match self {
            Self::ValidationError => (
                "VALIDATION_ERROR",
                StatusCode::BAD_REQUEST,
                "The request is not valid",
            ),
            Self::Unauthorized => (
                "UNAUTHORIZED",
                StatusCode::UNAUTHORIZED,
                "A valid token is needed",
            ),
            Self::Forbidden => ("FORBIDDEN", StatusCode::FORBIDDEN, "Not allowed"),
            Self::NotFound => ("NOT_FOUND", StatusCode::NOT_FOUND, "Not found"),
            Self::MethodNotAllowed => (
                "METHOD_NOT_ALLOWED",
                StatusCode::METHOD_NOT_ALLOWED,
                "Method not allowed",
            ),
            Self::RequestTimeout => (
                "REQUEST_TIMEOUT",
                StatusCode::REQUEST_TIMEOUT,
                "The request came too slowly",
            ),
            Self::InvalidCredentials => (
                "INVALID_CREDENTIALS",
                StatusCode::UNAUTHORIZED,
                "Address or password are wrong",
            ),
            Self::SecondFactorRequired => (
                "SECOND_FACTOR_REQUIRED",
                StatusCode::UNAUTHORIZED,
                "A second factor is needed",
            ),
            Self::ConfirmationRequired => (
                "CONFIRMATION_REQUIRED",
                StatusCode::FORBIDDEN,
                "Account and mailbox have to be shown to be one person's",
            ),
            Self::InvalidCode => (
                "INVALID_CODE",
                StatusCode::UNAUTHORIZED,
                "The code is not right",
            ),
            Self::ChallengeExpired => (
                "CHALLENGE_EXPIRED",
                StatusCode::GONE,
                "The challenge is not valid any more",
            ),
            Self::PasskeyTaken => (
                "PASSKEY_TAKEN",
                StatusCode::CONFLICT,
                "The passkey is registered already",
            ),
            Self::TokenExpired => (
                "TOKEN_EXPIRED",
                StatusCode::UNAUTHORIZED,
                "The session is over",
            ),
            Self::TokenReused => (
                "TOKEN_REUSED",
                StatusCode::UNAUTHORIZED,
                "The refresh token was used before",
            ),
            Self::EmailTaken => (
                "EMAIL_TAKEN",
                StatusCode::CONFLICT,
                "There is an account with this address",
            ),
            Self::SlugTaken => (
                "SLUG_TAKEN",
                StatusCode::CONFLICT,
                "There is a tenant with this slug",
            ),
            Self::NotVerified => (
                "EMAIL_NOT_VERIFIED",
                StatusCode::FORBIDDEN,
                "The e-mail address is not verified",
            ),
            Self::VerifiedAccountRequired => (
                "VERIFIED_ACCOUNT_REQUIRED",
                StatusCode::FORBIDDEN,
                "Only accounts with a verified address buy here",
            ),
            Self::CrossSite => (
                "CROSS_SITE_REQUEST",
                StatusCode::FORBIDDEN,
                "The request came from a page of another origin",
            ),
            Self::TooManyInvitations => (
                "TOO_MANY_INVITATIONS",
                StatusCode::CONFLICT,
                "Too many invitations wait for an answer",
            ),
            Self::TooManyKeys => (
                "TOO_MANY_API_KEYS",
                StatusCode::CONFLICT,
                "Too many API keys",
            ),
            Self::LastOwner => (
                "LAST_OWNER",
                StatusCode::CONFLICT,
                "A tenant has at least one owner",
            ),
            Self::LastAdmin => (
                "LAST_ADMIN",
                StatusCode::CONFLICT,
                "The installation has at least one admin",
            ),
            Self::LinkExpired => (
                "LINK_EXPIRED",
                StatusCode::GONE,
                "The link is not valid any more",
            ),
            Self::SignInExpired => (
                "SIGN_IN_EXPIRED",
                StatusCode::GONE,
                "The sign-in is not valid any more",
            ),
            Self::SignInAgain => (
                "SIGN_IN_AGAIN",
                StatusCode::FORBIDDEN,
                "A sign-in of just now is needed",
            ),
            Self::NoPassword => (
                "NO_PASSWORD",
                StatusCode::CONFLICT,
                "The account has no password",
            ),
            Self::LastWayIn => (
                "LAST_WAY_IN",
                StatusCode::CONFLICT,
                "Nobody could sign in to the account any more",
            ),
            Self::ProviderUnavailable => (
                "PROVIDER_UNAVAILABLE",
                StatusCode::SERVICE_UNAVAILABLE,
                "The provider of the sign-in does not answer",
            ),
            Self::PayloadTooLarge => (
                "PAYLOAD_TOO_LARGE",
                StatusCode::PAYLOAD_TOO_LARGE,
                "The request body is too large",
            ),
            Self::UnsupportedMediaType => (
                "UNSUPPORTED_MEDIA_TYPE",
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "The request body is of a type that is not read here",
            ),
            Self::SeatUnavailable => (
                "SEAT_UNAVAILABLE",
                StatusCode::CONFLICT,
                "Seats are not available",
            ),
            Self::InsufficientStock => (
                "INSUFFICIENT_STOCK",
                StatusCode::CONFLICT,
                "Not enough places",
            ),
            Self::MaxPerUserExceeded => (
                "MAX_PER_USER_EXCEEDED",
                StatusCode::CONFLICT,
                "Too many tickets for one buyer",
            ),
            Self::GuestPurchaseMade => (
                "GUEST_PURCHASE_MADE",
                StatusCode::CONFLICT,
                "The guest has made its purchase",
            ),
            Self::SaleNotOpen => (
                "SALE_NOT_OPEN",
                StatusCode::CONFLICT,
                "The sale has not begun",
            ),
            Self::SaleClosed => ("SALE_CLOSED", StatusCode::CONFLICT, "The sale is over"),
            Self::PriceChanged => (
                "PRICE_CHANGED",
                StatusCode::CONFLICT,
                "The price has changed",
            ),
            Self::AlreadyConfirmed => (
                "ALREADY_CONFIRMED",
                StatusCode::CONFLICT,
                "The booking is already confirmed",
            ),
            Self::AlreadyCancelled => (
                "ALREADY_CANCELLED",
                StatusCode::CONFLICT,
                "The booking is already cancelled",
            ),
            Self::PaymentReferenceUsed => (
                "PAYMENT_REFERENCE_USED",
                StatusCode::CONFLICT,
                "The payment reference belongs to another booking",
            ),
            Self::AmountMismatch => (
                "AMOUNT_MISMATCH",
                StatusCode::CONFLICT,
                "The amount is not what the booking costs",
            ),
            Self::PaymentFailed => (
                "PAYMENT_FAILED",
                StatusCode::PAYMENT_REQUIRED,
                "The payment has failed",
            ),
            Self::PaymentInProgress => (
                "PAYMENT_IN_PROGRESS",
                StatusCode::CONFLICT,
                "Another payment of the booking is under way",
            ),
            Self::AlreadyPaid => (
                "ALREADY_PAID",
                StatusCode::CONFLICT,
                "The booking is paid already",
            ),
            Self::CoolingDown => (
                "COOLING_DOWN",
                StatusCode::CONFLICT,
                "Too many holds ended without payment",
            ),
            Self::TypeNotOffered => (
                "TYPE_NOT_OFFERED",
                StatusCode::CONFLICT,
                "This kind of ticket is not sold there",
            ),
            Self::CodeRefused => (
                "CODE_REFUSED",
                StatusCode::CONFLICT,
                "The code does not count",
            ),
            Self::AccessCodeRequired => (
                "ACCESS_CODE_REQUIRED",
                StatusCode::CONFLICT,
                "An access code is needed",
            ),
            Self::TypeNotOnSale => (
                "TYPE_NOT_ON_SALE",
                StatusCode::CONFLICT,
                "This kind of ticket is not on sale now",
            ),
            Self::TypeQuantity => (
                "TYPE_QUANTITY",
                StatusCode::CONFLICT,
                "Too few or too many of one kind of ticket",
            ),
            Self::WrongSeatKind => (
                "WRONG_SEAT_KIND",
                StatusCode::CONFLICT,
                "The seats are not for this kind of ticket",
            ),
            Self::CompanionAlone => (
                "COMPANION_ALONE",
                StatusCode::CONFLICT,
                "Companion seats need accessible seats",
            ),
            Self::LeavesSingleSeat => (
                "LEAVES_SINGLE_SEAT",
                StatusCode::CONFLICT,
                "Single seats would be left",
            ),
            Self::CodeExists => (
                "CODE_EXISTS",
                StatusCode::CONFLICT,
                "There are such codes with other terms",
            ),
            Self::NotConfirmed => (
                "NOT_CONFIRMED",
                StatusCode::CONFLICT,
                "The booking is not confirmed",
            ),
            Self::PlacesNotOfBooking => (
                "PLACES_NOT_OF_BOOKING",
                StatusCode::CONFLICT,
                "The booking does not have these places",
            ),
            Self::LayoutChanged => (
                "LAYOUT_CHANGED",
                StatusCode::CONFLICT,
                "The show has other places by now",
            ),
            Self::TermsUnknown => (
                "TERMS_UNKNOWN",
                StatusCode::CONFLICT,
                "The terms of these codes are not known here",
            ),
            Self::ShowCancelled => (
                "SHOW_CANCELLED",
                StatusCode::CONFLICT,
                "The show is cancelled",
            ),
            Self::VenueInUse => (
                "VENUE_IN_USE",
                StatusCode::CONFLICT,
                "Events take place in the venue",
            ),
            Self::StillOnSale => ("STILL_ON_SALE", StatusCode::CONFLICT, "It is still on sale"),
            Self::HasSales => (
                "HAS_SALES",
                StatusCode::CONFLICT,
                "Something of it was sold",
            ),
            Self::PreconditionFailed => (
                "PRECONDITION_FAILED",
                StatusCode::PRECONDITION_FAILED,
                "It has changed since you read it",
            ),
            Self::QuotaExceeded => (
                "QUOTA_EXCEEDED",
                StatusCode::CONFLICT,
                "The organizer has as much as is allowed",
            ),
            Self::ReservationExpired => (
                "RESERVATION_EXPIRED",
                StatusCode::GONE,
                "The reservation has expired",
            ),
            Self::RecordGone => (
                "RECORD_GONE",
                StatusCode::GONE,
                "The log no longer holds the record",
            ),
            Self::IdempotencyKeyReused => (
                "IDEMPOTENCY_KEY_REUSED",
                StatusCode::UNPROCESSABLE_ENTITY,
                "The idempotency key was used for another request",
            ),
            Self::RequestInProgress => (
                "REQUEST_IN_PROGRESS",
                StatusCode::CONFLICT,
                "The same request is still being processed",
            ),
            Self::RateLimited => (
                "RATE_LIMITED",
                StatusCode::TOO_MANY_REQUESTS,
                "Too many requests",
            ),
            Self::Overloaded => (
                "OVERLOADED",
                StatusCode::SERVICE_UNAVAILABLE,
                "Too busy right now",
            ),
            Self::PartitionUnavailable => (
                "PARTITION_UNAVAILABLE",
                StatusCode::SERVICE_UNAVAILABLE,
                "This part of the system is temporarily unavailable",
            ),
            Self::NotSupported => (
                "NOT_SUPPORTED",
                StatusCode::NOT_IMPLEMENTED,
                "Not available in this installation",
            ),
            Self::InternalError => (
                "INTERNAL_ERROR",
                StatusCode::INTERNAL_SERVER_ERROR,
                "Something went wrong on the server",
            ),
        }
    }
}
