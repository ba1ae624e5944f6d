//! What can go wrong with the store.

/// Why a call to the store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database URL is of neither kind.
    #[error(
        "database URL {0:?}: expected sqlite://PATH or postgres://USER:PASSWORD@HOST:PORT/NAME"
    )]
    Url(String),
    /// A file that TLS to the database needs cannot be used.
    #[error("TLS to the database (database.tls_ca_file, tls_certificate_file, tls_key_file): {0}")]
    Tls(onsale_tls::TlsFileError),
    /// A mode of TLS that this program does not have.
    #[error(
        "sslmode={0} of the database URL: expected disable, prefer, require, verify-ca or verify-full"
    )]
    TlsMode(&'static str),
    /// A mode of TLS with which a file that is named for it would do nothing.
    #[error(
        "sslmode={mode} of the database URL (prefer where it says none) with {file}, which would do nothing: \
         expected verify-full (or verify-ca, require), or no such file"
    )]
    TlsInVain {
        /// The mode.
        mode: &'static str,
        /// The setting and the parameter that name the file.
        file: &'static str,
    },
    /// The database cannot be reached or cannot serve now (connection lost, shutting down, out of
    /// connections or disk, lock not given in time). The same call may succeed later.
    #[error("database is unreachable: {0}")]
    Unreachable(sqlx::Error),
    /// The schema lacks what this program needs, or is not as this program makes it.
    #[error("database schema: {0}")]
    Schema(String),
    /// A second live holder of a seat: the second layer against a double sale has refused it.
    #[error("double sale refused by the database: {0}")]
    DoubleSale(String),
    /// A gap in the chain of outcomes: a batch does not follow the watermark, or an outcome does
    /// not follow the one before it.
    #[error(
        "gap in the outcomes of partition {partition}: batch begins at {found}, expected {expected}"
    )]
    Gap {
        /// The partition.
        partition: onsale_schemas::PartitionId,
        /// The next offset by the watermark.
        expected: u64,
        /// The first offset of the batch, or the offset of the outcome that does not follow.
        found: u64,
    },
    /// A projector is at work although none was expected. Nothing was changed.
    #[error(
        "partition {partition} is projected to {found}, expected {expected}: a projector is at work"
    )]
    ProjectionMoved {
        /// The partition.
        partition: onsale_schemas::PartitionId,
        /// Where it was.
        expected: u64,
        /// Where it is.
        found: u64,
    },
    /// A value that does not fit into the database, or a batch that contradicts itself. The
    /// caller's mistake: the same call never succeeds.
    #[error("not storable: {0}")]
    Invalid(String),
    /// The database contains something that this program did not write.
    #[error("unexpected value in the database: {0}")]
    Corrupt(String),
    /// An entity with that key exists already.
    #[error("{0} exists already")]
    Exists(&'static str),
    /// More than an organizer may have. Nothing was changed.
    #[error("quota {name} = {max}: {asked} more were requested and {has} exist already")]
    Quota {
        /// The setting.
        name: &'static str,
        /// What it allows.
        max: u64,
        /// What there is.
        has: u64,
        /// What was to be added.
        asked: u64,
    },
    /// More than there may be. Nothing was changed.
    #[error("there may be at most {max} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        max: u64,
    },
    /// Something that was to be used is not there, or not any more. Nothing was changed.
    #[error("there is no such {0} any more")]
    NotThere(&'static str),
    /// Someone else has changed the row meanwhile. Nothing was changed.
    #[error("the row is of version {found}, not of the expected one")]
    VersionChanged {
        /// The version that it has.
        found: u64,
    },
    /// Another change that this one depends on is on its way through the log. Nothing was changed.
    #[error("another change of the {0} is on its way")]
    OnItsWay(&'static str),
    /// A show for an event that is a draft or cancelled.
    #[error("the event is not published")]
    NotPublished,
    /// The right that something was asked for by holds no more: the session has ended, or the person is
    /// no longer what it has to be. Nothing was changed.
    #[error("the right to do this was withdrawn")]
    RightWithdrawn,
    /// The account is not known to be that of the owner of its address, and what it was to be given is for owners
    /// alone. Nothing was changed.
    #[error("nobody has shown that this account is that of the owner of its e-mail address")]
    AddressNotOwned,
    /// Nobody could look after the installation any more. Nothing was changed.
    #[error(
        "this is the last admin who can sign in, and there has to be one: make another account an admin first"
    )]
    LastAdmin,
    /// Anything else the database said.
    #[error("database: {0}")]
    Database(sqlx::Error),
}
