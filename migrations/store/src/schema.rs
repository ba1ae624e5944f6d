//! The migrations, embedded, and whether a database has them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;
use std::time::Duration;

use sqlx::SqlStr;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::postgres::{PgPool, PgPoolOptions};
use tokio::time::{Instant, sleep};

use crate::database::postgres::PostgresPool;
use crate::database::{Database, Value, classify, within};
use crate::error::StoreError;
use crate::scope;

/// Number, name and text of each migration: the build script lists the files.
mod files {
    include!(concat!(env!("OUT_DIR"), "/migrations.rs"));
}

static POSTGRES: LazyLock<Migrator> = LazyLock::new(|| embedded(files::POSTGRES));
static SQLITE: LazyLock<Migrator> = LazyLock::new(|| embedded(files::SQLITE));

/// What the migrations leave, a line for each: tables, columns, indexes, triggers, functions, policies and the
/// views that the program reads.
const POSTGRES_OBJECTS: &str = include_str!("schema/postgres.txt");
const SQLITE_OBJECTS: &str = include_str!("schema/sqlite.txt");

/// A trigger that is switched off is as good as none, also in one part of a table alone, and so is a policy that
/// does not bind the table's owner. Parts of a table have triggers of the same names as the whole.
const POSTGRES_FOUND: &str = "SELECT CASE c.relkind WHEN 'v' THEN 'view ' WHEN 'i' THEN 'index ' \
         WHEN 'I' THEN 'index ' ELSE 'table ' END || c.relname AS object, NULL::text AS definition \
     FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace \
     WHERE n.nspname = ANY (current_schemas(false)) AND c.relkind IN ('r', 'p', 'v', 'i', 'I') \
     UNION ALL SELECT 'column ' || c.relname || '.' || a.attname, NULL \
     FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid \
         JOIN pg_namespace AS n ON n.oid = c.relnamespace \
     WHERE n.nspname = ANY (current_schemas(false)) AND c.relkind IN ('r', 'p') \
         AND a.attnum > 0 AND NOT a.attisdropped \
     UNION ALL SELECT 'trigger ' || t.tgname, pg_get_triggerdef(t.oid, true) \
     FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid \
         JOIN pg_namespace AS n ON n.oid = c.relnamespace \
     WHERE n.nspname = ANY (current_schemas(false)) AND NOT t.tgisinternal \
         AND t.tgenabled NOT IN ('D', 'R') AND t.tgparentid = 0 AND c.relname !~ '^audit_[0-9]' \
         AND NOT EXISTS (SELECT 1 FROM pg_inherits AS i JOIN pg_class AS part ON part.oid = i.inhrelid \
             LEFT JOIN pg_trigger AS own ON own.tgrelid = part.oid AND own.tgname = t.tgname \
             WHERE i.inhparent = t.tgrelid AND (own.tgenabled IN ('D', 'R') \
                 OR own.oid IS NULL AND part.relname ~ '^audit_[0-9]')) \
     UNION ALL SELECT 'function ' || p.proname, concat_ws(' ', \
         CASE WHEN p.prosqlbody IS NULL THEN 'LANGUAGE ' || l.lanname END, \
         CASE p.provolatile WHEN 's' THEN 'STABLE' WHEN 'i' THEN 'IMMUTABLE' END, \
         CASE p.proparallel WHEN 's' THEN 'PARALLEL SAFE' WHEN 'r' THEN 'PARALLEL RESTRICTED' END, \
         CASE WHEN p.prosecdef THEN 'SECURITY DEFINER' END, \
         (SELECT string_agg('SET ' || replace(setting, 'search_path=' || \
             quote_ident(n.nspname) || ', pg_temp', 'search_path FROM CURRENT'), ' ') \
             FROM unnest(p.proconfig) AS setting), \
         coalesce(pg_get_function_sqlbody(p.oid), 'AS ' || p.prosrc)) \
     FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace \
         JOIN pg_language AS l ON l.oid = p.prolang \
     WHERE n.nspname = ANY (current_schemas(false)) AND p.prokind = 'f' \
     UNION ALL SELECT 'policy ' || c.relname || '.' || p.polname, concat_ws(' ', \
         CASE WHEN NOT p.polpermissive THEN 'AS RESTRICTIVE' END, \
         CASE WHEN p.polroles <> '{0}' THEN 'TO some' END, \
         pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)) \
     FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid \
         JOIN pg_namespace AS n ON n.oid = c.relnamespace \
     WHERE n.nspname = ANY (current_schemas(false)) AND c.relrowsecurity AND c.relforcerowsecurity";
const SQLITE_FOUND: &str = "SELECT type || ' ' || name AS object, \
         CASE WHEN type IN ('trigger', 'view') THEN sql END AS definition FROM sqlite_master \
     UNION ALL SELECT 'column ' || m.name || '.' || c.name, NULL \
     FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c WHERE m.type = 'table'";

/// Zero is no limit. A lock is waited for only for moments: who comes behind a migration that waits for a table
/// waits for it too, also to read. What a migration changes, it changes for all tenants.
const MIGRATING: [(&str, &str); 3] = [
    ("statement_timeout", "0"),
    ("lock_timeout", "2s"),
    (scope::SCOPE, scope::INSTALLATION),
];

/// `lock_not_available` and `deadlock_detected`: others are at the tables that a migration changes.
const LOCKED_OUT: [&str; 2] = ["55P03", "40P01"];
/// Between two tries to get the locks; everyone else gets on meanwhile.
const LOCKS_PAUSE: Duration = Duration::from_secs(3);
/// How often it is said that it waits for them.
const LOCKS_SAID_EVERY: Duration = Duration::from_secs(60);
/// How long it is tried again: longer than a backup of a large database.
const LOCKS_MAX: Duration = Duration::from_secs(14_400);

/// How long the migrations may take in all; a server that falls silent meanwhile ends them no sooner.
const MIGRATION_MAX: Duration = Duration::from_secs(86_400);
/// How long closing their connection may take.
const CLOSE_MAX: Duration = Duration::from_secs(5);

fn embedded(files: &[(i64, &'static str, &'static str)]) -> Migrator {
    let migration = |&(number, name, text): &(i64, &'static str, &'static str)| {
        let sql = SqlStr::from_static(text);
        // One that begins so cannot run in a transaction.
        let without_transaction = text.starts_with("-- no-transaction");
        let kind = MigrationType::Simple;
        Migration::new(number, name.into(), kind, sql, without_transaction)
    };
    Migrator::with_migrations(files.iter().map(migration).collect())
}

fn migrator(database: &Database) -> &'static Migrator {
    match database {
        Database::Postgres(_) => &POSTGRES,
        Database::Sqlite(_) => &SQLITE,
    }
}

/// A name for the migrations of one kind of database: another text or another number gives another name.
#[cfg(feature = "testing")]
pub(crate) fn fingerprint(is_postgres: bool) -> String {
    let migrator = if is_postgres { &POSTGRES } else { &SQLITE };
    let mut hasher = blake3::Hasher::new();
    for migration in migrator.iter() {
        hasher.update(&migration.version.to_le_bytes());
        hasher.update(&migration.checksum);
    }
    hasher.finalize().to_hex().chars().take(16).collect()
}

/// A table of the first migration, which every database of this program has.
const FIRST_TABLE: &str = "events";

/// Applies what is missing; returns how many migrations that were.
pub(crate) async fn migrate(database: &Database) -> Result<usize, StoreError> {
    // Looking costs a role nothing that may not create anything, as one that the program has on PostgreSQL
    // where another role owns the tables.
    if check(database).await.is_ok() {
        return Ok(0);
    }
    let before = applied(database).await?;
    has_list(database, &before).await?;
    match database {
        Database::Postgres(PostgresPool { pool, .. }) => {
            migrate_postgres(pool).await?;
        }
        Database::Sqlite(pools) => {
            // What the migrations make is kept like the catalog. There is only this connection that
            // writes, so the migrations run on it.
            sqlx::raw_sql("PRAGMA synchronous = FULL")
                .execute(&pools.writer)
                .await
                .map_err(classify)?;
            SQLITE.run(&pools.writer).await.map_err(schema_error)?;
        }
    }
    let after = applied(database).await?.len();
    Ok(after.saturating_sub(before.len()))
}

/// Each migration is a transaction: one that does not get its locks has changed nothing, and begins again.
async fn migrate_postgres(pool: &PgPool) -> Result<(), StoreError> {
    let began = Instant::now();
    let mut said_at: Option<Instant> = None;
    loop {
        // A connection of its own without limits of time: building an index may take long.
        let options = pool.connect_options().as_ref().clone().options(MIGRATING);
        let own = PgPoolOptions::new()
            .max_connections(1)
            .connect_with(options)
            .await
            .map_err(classify)?;
        let answer = within(Some(MIGRATION_MAX), POSTGRES.run(&own)).await;
        // One that is silent cannot be closed in order.
        let _closed = within(Some(CLOSE_MAX), own.close()).await;
        match answer.map_err(classify)? {
            Err(error) if is_locked_out(&error) && began.elapsed() < LOCKS_MAX => {
                if said_at.is_none_or(|at| at.elapsed() >= LOCKS_SAID_EVERY) {
                    said_at = Some(Instant::now());
                    tracing::warn!(
                        %error,
                        "others are at the tables that a migration changes, or migrate themselves; it tries again \
                         until they are not"
                    );
                }
                sleep(LOCKS_PAUSE).await;
            }
            answer => return answer.map_err(schema_error),
        }
    }
}

fn is_locked_out(error: &MigrateError) -> bool {
    let (MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) = error else {
        return false;
    };
    matches!(error, sqlx::Error::Database(cause)
        if cause.code().is_some_and(|code| LOCKED_OUT.contains(&code.as_ref())))
}

/// Error unless exactly the migrations that this program knows are applied.
pub(crate) async fn check(database: &Database) -> Result<(), StoreError> {
    let known = migrator(database);
    let applied = applied(database).await?;
    has_list(database, &applied).await?;
    for migration in known.iter() {
        match applied.iter().find(|row| row.version == migration.version) {
            None => {
                return Err(StoreError::Schema(format!(
                    "migration {:04} ({}) is missing: run `onsale migrate`",
                    migration.version, migration.description
                )));
            }
            Some(row) if !row.succeeded => {
                return Err(StoreError::Schema(format!(
                    "migration {:04} ({}) was begun and not finished: repair by hand, then run \
                     `onsale migrate`",
                    migration.version, migration.description
                )));
            }
            Some(row) if row.checksum != *migration.checksum => {
                return Err(StoreError::Schema(format!(
                    "migration {:04} ({}) was applied with another text than this program has",
                    migration.version, migration.description
                )));
            }
            Some(_) => {}
        }
    }
    match applied
        .iter()
        .find(|row| !known.version_exists(row.version))
    {
        Some(row) => Err(StoreError::Schema(format!(
            "migration {:04} is applied, which this program does not know: the database belongs to \
             a later version of Onsale",
            row.version
        ))),
        None => Ok(()),
    }
}

/// Something that the migrations have left and that is no longer there, or no longer as they left it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MissingObject {
    /// What it is and its name, as `table audit` or `column jobs.state`.
    pub object: String,
    /// The last migration that creates it.
    pub migration: Option<i64>,
    /// There is one of that name, with another text.
    pub is_altered: bool,
}

impl std::fmt::Display for MissingObject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_altered {
            f.write_str("the right text of ")?;
        }
        f.write_str(&self.object)?;
        match self.migration {
            Some(version) => write!(f, " (migration {version:04})"),
            None => Ok(()),
        }
    }
}

/// What of the migrations' work is missing. Columns, indexes, triggers and policies of a table that is missing
/// are not named. Of triggers, functions and policies, and on SQLite of views, the text is compared too: one of an
/// earlier migration has the same name, and one that does nothing is as good as none.
pub(crate) async fn missing(database: &Database) -> Result<Vec<MissingObject>, StoreError> {
    let (expected, found) = match database {
        Database::Postgres(_) => (POSTGRES_OBJECTS, POSTGRES_FOUND),
        Database::Sqlite(_) => (SQLITE_OBJECTS, SQLITE_FOUND),
    };
    let texts = Texts::of(migrator(database));
    let mut there = BTreeMap::new();
    for row in database.fetch(found, &[]).await? {
        there.insert(row.text("object")?, row.text_or_null("definition")?);
    }
    let mut missing = Vec::new();
    for object in expected.lines() {
        let is_wrong = match there.get(object) {
            Some(Some(definition)) => texts.is_altered(object, definition),
            Some(None) => false,
            None => true,
        };
        if is_wrong {
            missing.push(MissingObject {
                object: object.to_owned(),
                migration: texts.creating(object),
                is_altered: there.contains_key(object),
            });
        }
    }
    let tables: Vec<String> = missing
        .iter()
        .filter_map(|missing| missing.object.strip_prefix("table "))
        .map(str::to_owned)
        .collect();
    missing.retain(|missing| {
        let (kind, name) = missing.object.split_once(' ').unwrap_or_default();
        kind == "table" || !tables.iter().any(|table| is_part_of(name, table))
    });
    Ok(missing)
}

/// Whether a column, index, trigger or policy has the name of its table in front.
fn is_part_of(name: &str, table: &str) -> bool {
    let rest = name.strip_prefix(table);
    rest.is_some_and(|rest| rest.starts_with(['.', '_']))
}

/// The statements of all migrations in order, each on one line and without comments, with the number of
/// its migration.
struct Texts(Vec<(i64, String)>);

impl Texts {
    fn of(migrator: &Migrator) -> Self {
        let mut statements = Vec::new();
        for migration in migrator.iter() {
            let code = code(migration.sql.as_str());
            // What a trigger does ends with semicolons of its own, and is put together again below.
            for statement in code.split(';') {
                let words: Vec<&str> = statement.split_whitespace().collect();
                statements.push((migration.version, unconditional(&words.join(" "))));
            }
        }
        Self(statements)
    }

    /// The last migration whose text creates an object. A column that was not added later, and an index
    /// of a constraint, come with their table.
    fn creating(&self, object: &str) -> Option<i64> {
        let (kind, name) = object.split_once(' ')?;
        match kind {
            "column" => {
                let (table, column) = name.split_once('.')?;
                let (alters, adds) = (
                    format!("ALTER TABLE {table} "),
                    format!("ADD COLUMN {column} "),
                );
                self.last(|text| text.starts_with(&alters) && text.contains(&adds))
                    .or_else(|| self.creating(&format!("table {table}")))
            }
            "index" => self
                .created(kind, name)
                .or_else(|| {
                    let constraint = format!("CONSTRAINT {name} ");
                    self.last(|text| text.contains(&constraint))
                })
                .or_else(|| self.created("table", self.table_of(name)?)),
            "policy" => {
                let (table, _) = name.split_once('.')?;
                let isolates = format!("onsale_isolate('{table}'");
                self.last(|text| text.contains(&isolates))
            }
            _ => self.created(kind, name),
        }
    }

    fn created(&self, kind: &str, name: &str) -> Option<i64> {
        let at = self.creation(kind, name)?;
        self.0.get(at).map(|(version, _)| *version)
    }

    /// Which statement creates it last.
    fn creation(&self, kind: &str, name: &str) -> Option<usize> {
        let kind = kind.to_uppercase();
        let heads = [
            format!("CREATE {kind} {name} "),
            format!("CREATE {kind} {name}("),
            format!("CREATE UNIQUE {kind} {name} "),
        ];
        self.0
            .iter()
            .rposition(|(_, text)| heads.iter().any(|head| text.starts_with(head)))
    }

    fn last(&self, creates: impl Fn(&str) -> bool) -> Option<i64> {
        let found = self.0.iter().rev().find(|(_, text)| creates(text));
        found.map(|(version, _)| *version)
    }

    /// What stands behind the type that a function returns: its language, settings and body.
    fn function(&self, name: &str) -> Option<String> {
        let at = self.creation("function", name)?;
        let (_, head) = self.0.get(at)?;
        let (_, behind) = head.split_once(" RETURNS ")?;
        let (_, behind) = behind.split_once(' ')?;
        let mut expected = behind.to_owned();
        if behind.contains("AS $$") {
            let body = self.0.get(at + 1..)?.iter().map(|(_, text)| text.as_str());
            for text in body.take_while(|text| *text != "END $$") {
                expected.push(' ');
                expected.push_str(text);
            }
            expected.push_str(" END");
        }
        Some(expected)
    }

    /// The expression of a policy, by the table's name and its own.
    fn policy(&self, name: &str) -> Option<String> {
        let (table, name) = name.split_once('.')?;
        let head = format!("SELECT onsale_isolate('{table}'");
        let (_, call) = self.0.iter().rfind(|(_, text)| text.starts_with(&head))?;
        let inner = call
            .strip_prefix("SELECT onsale_isolate(")?
            .strip_suffix(')')?;
        let arguments = arguments(inner)?;
        let named = |wanted: &str| {
            let mut found = arguments.iter();
            found.find_map(|(name, text)| (*name == Some(wanted)).then_some(*text))
        };
        let second = arguments.get(1).filter(|(name, _)| name.is_none());
        let owned = second.map(|(_, text)| *text).or_else(|| named("owned"));
        let owned = owned.unwrap_or(OWNED);
        let says = match name {
            "reads" => named("seen").unwrap_or(owned),
            "adds" => named("added").unwrap_or(owned),
            _ => owned,
        };
        Some(format!("{EVERYTHING}{says}"))
    }

    /// The table with whose name an index begins that a constraint has made.
    fn table_of(&self, index: &str) -> Option<&str> {
        let created = self
            .0
            .iter()
            .filter_map(|(_, text)| text.strip_prefix("CREATE TABLE "));
        created
            .filter_map(|rest| rest.split(' ').next())
            .filter(|table| is_part_of(index, table))
            .max_by_key(|table| table.len())
    }

    /// Whether a trigger, function, policy or view is another one than the migrations leave. What they do not
    /// create by this name cannot be compared.
    fn is_altered(&self, object: &str, definition: &str) -> bool {
        let Some((kind, name)) = object.split_once(' ') else {
            return false;
        };
        if kind == "policy" {
            return self.policy(name).is_some_and(|expected| {
                words_of_expression(&expected) != words_of_expression(definition)
            });
        }
        if kind == "function" {
            return self.function(name).is_some_and(|expected| {
                words(&without_casts(&expected)) != words(&without_casts(&code(definition)))
            });
        }
        let Some(at) = self.creation(kind, name) else {
            return false;
        };
        let (_, head) = &self.0[at];
        let mut expected = head.clone();
        if head.contains(" BEGIN ") {
            let body = self.0[at + 1..].iter().map(|(_, text)| text.as_str());
            for text in body.take_while(|text| *text != "END") {
                expected.push(' ');
                expected.push_str(text);
            }
            expected.push_str(" END");
        }
        words(&expected) != words(definition)
    }
}

/// What a policy says of which rows, where those are not the `owned` ones; see `onsale_isolate` of migration 0016.
const EVERYTHING: &str = "(SELECT onsale_reach()) <> 'some' OR ";
/// Whose rows they are where a table is isolated without a word about that.
const OWNED: &str = "tenant_id = (SELECT onsale_tenant())";

/// The arguments of a call in SQL that are texts, with the names that they are given by.
fn arguments(mut rest: &str) -> Option<Vec<(Option<&str>, &str)>> {
    let mut found = Vec::new();
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        if rest.is_empty() {
            return Some(found);
        }
        let mut name = None;
        if !rest.starts_with(['\'', '$']) {
            let (before, after) = rest.split_once("=>")?;
            name = Some(before.trim());
            rest = after.trim_start();
        }
        let mark = if rest.starts_with('$') { "$$" } else { "'" };
        let (text, after) = rest.strip_prefix(mark)?.split_once(mark)?;
        found.push((name, text));
        rest = after;
    }
}

/// The text of a function without its comments.
fn code(text: &str) -> String {
    let lines = text.lines();
    let code = lines.map(|line| line.split("--").next().unwrap_or_default());
    code.collect::<Vec<_>>().join(" ")
}

/// An expression without the types that PostgreSQL adds.
fn without_casts(text: &str) -> String {
    let mut parts = text.split("::");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let is_of_type = |c: char| c.is_alphanumeric() || c == '_';
        plain.push_str(part.trim_start_matches(is_of_type));
    }
    plain
}

/// Each word of an expression once: PostgreSQL repeats some as the names of columns.
fn words_of_expression(text: &str) -> BTreeSet<String> {
    let words = words(&without_casts(text)).into_iter();
    words.filter(|word| word != "as").collect()
}

/// A statement as both databases keep it: without what it does where the object is there already.
fn unconditional(statement: &str) -> String {
    if let Some(rest) = statement.strip_prefix("CREATE OR REPLACE ") {
        return format!("CREATE {rest}");
    }
    if statement.starts_with("CREATE ") || statement.starts_with("ALTER TABLE ") {
        return statement.replacen(" IF NOT EXISTS ", " ", 1);
    }
    statement.to_owned()
}

/// The words of a text, in no order: PostgreSQL gives the events of a trigger in an order of its own.
fn words(text: &str) -> Vec<String> {
    let is_mark = |c: char| !(c.is_alphanumeric() || c == '_');
    let words = text.split(is_mark).filter(|word| !word.is_empty());
    let mut words: Vec<String> = words.map(str::to_lowercase).collect();
    words.sort_unstable();
    words
}

/// The text of a migration, to be run by hand where what it created was deleted by hand.
pub(crate) fn text(is_postgres: bool, version: i64) -> Option<&'static str> {
    let migrator = if is_postgres { &POSTGRES } else { &SQLITE };
    let found = migrator
        .iter()
        .find(|migration| migration.version == version)?;
    Some(found.sql.as_str())
}

/// Whether there is a table of this name.
pub(crate) async fn has_table(database: &Database, name: &str) -> Result<bool, StoreError> {
    let sql = match database {
        Database::Postgres(_) => "SELECT 1 AS found WHERE to_regclass($1) IS NOT NULL",
        Database::Sqlite(_) => "SELECT 1 AS found FROM sqlite_master WHERE name = $1",
    };
    let found = database.fetch_optional(sql, &[Value::from(name)]).await?;
    Ok(found.is_some())
}

/// Whether any migration was ever applied.
pub(crate) async fn is_there(database: &Database) -> Result<bool, StoreError> {
    Ok(!applied(database).await?.is_empty() || has_table(database, FIRST_TABLE).await?)
}

/// Refuses tables without the list of what was applied to them: to apply it again would fail, and to believe
/// that there is nothing would lose everything.
async fn has_list(database: &Database, applied: &[AppliedMigration]) -> Result<(), StoreError> {
    if applied.is_empty() && has_table(database, FIRST_TABLE).await? {
        return Err(StoreError::Schema(
            "there are tables, and the list of the migrations that created them (_sqlx_migrations) is empty \
             or gone: someone deleted it; nothing was changed. Restore that table from a backup of the \
             database"
                .to_owned(),
        ));
    }
    Ok(())
}

struct AppliedMigration {
    version: i64,
    succeeded: bool,
    checksum: Vec<u8>,
}

async fn applied(database: &Database) -> Result<Vec<AppliedMigration>, StoreError> {
    let exists = database
        .fetch_optional(
            match database {
                Database::Postgres(_) => {
                    "SELECT 1 AS found WHERE to_regclass('_sqlx_migrations') IS NOT NULL"
                }
                Database::Sqlite(_) => {
                    "SELECT 1 AS found FROM sqlite_master WHERE name = '_sqlx_migrations'"
                }
            },
            &[],
        )
        .await?;
    if exists.is_none() {
        return Ok(Vec::new());
    }
    database
        .fetch(
            "SELECT version, CASE WHEN success THEN 1 ELSE 0 END AS succeeded, checksum \
             FROM _sqlx_migrations ORDER BY version",
            &[],
        )
        .await?
        .iter()
        .map(|row| {
            Ok(AppliedMigration {
                version: row.signed("version")?,
                succeeded: row.signed("succeeded")? != 0,
                checksum: row.bytes("checksum")?,
            })
        })
        .collect()
}

fn schema_error(error: MigrateError) -> StoreError {
    let is_locked_out = is_locked_out(&error);
    match error {
        MigrateError::Execute(error) => classify(error),
        MigrateError::ExecuteMigration(error, _) if is_locked_out => classify(error),
        other => StoreError::Schema(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From this number on both databases have the same migrations. Earlier ones differ and stay as
    /// they are: an applied migration never changes.
    const FIRST_IN_COMMON: i64 = 5;

    /// Number and name of those that both should have.
    fn in_common(migrator: &Migrator) -> Vec<(i64, &str)> {
        migrator
            .iter()
            .map(|migration| (migration.version, migration.description.as_ref()))
            .filter(|(version, _)| *version >= FIRST_IN_COMMON)
            .collect()
    }

    #[test]
    fn each_object_has_the_last_migration_that_creates_it() {
        for (objects, migrator) in [(POSTGRES_OBJECTS, &POSTGRES), (SQLITE_OBJECTS, &SQLITE)] {
            let texts = Texts::of(migrator);
            let without: Vec<&str> = objects
                .lines()
                .filter(|object| texts.creating(object).is_none())
                .collect();
            assert!(without.is_empty(), "{without:?}");
            for (object, migration) in [
                ("trigger show_has_changed", 7),
                ("trigger zone_has_changed", 5),
                ("column shows.cooldown_ms", 6),
                ("column events.amended_offset", 11),
                ("column jobs.state", 8),
            ] {
                assert_eq!(texts.creating(object), Some(migration), "{object}");
            }
        }
        let texts = Texts::of(&SQLITE);
        assert_eq!(texts.creating("table audit"), Some(10));
        assert_eq!(texts.creating("column audit.lane"), Some(15));
        let texts = Texts::of(&POSTGRES);
        assert_eq!(texts.creating("table audit"), Some(15));
        assert_eq!(texts.creating("trigger audit_is_append_only"), Some(15));
        assert_eq!(texts.creating("function audit_is_append_only"), Some(15));
        assert_eq!(texts.creating("policy audit.adds"), Some(16));
        for object in POSTGRES_OBJECTS.lines() {
            if let Some(name) = object.strip_prefix("policy ") {
                assert!(texts.policy(name).is_some(), "{object}");
            }
            if let Some(name) = object.strip_prefix("function ") {
                assert!(texts.function(name).is_some(), "{object}");
            }
        }
        let reads = texts.policy("shows.reads").unwrap();
        assert!(reads.ends_with("OR onsale_sees_event(event_id)"), "{reads}");
        let adds = texts.policy("shows.adds").unwrap();
        assert!(adds.ends_with("OR onsale_owns_event(event_id)"), "{adds}");
        assert_eq!(texts.creating("index one_live_holder_per_seat"), Some(1));
        assert_eq!(texts.creating("index users_pkey"), Some(12));
    }

    #[test]
    fn both_databases_have_one_sequence_of_migrations() {
        let postgres = in_common(&POSTGRES);
        assert_eq!(postgres, in_common(&SQLITE));
        let numbers = postgres.iter().map(|(version, _)| *version);
        assert!(numbers.eq((FIRST_IN_COMMON..).take(postgres.len())));
    }
}
