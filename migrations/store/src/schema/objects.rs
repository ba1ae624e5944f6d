//! What the migrations leave, and what of it is missing.

use std::collections::BTreeMap;

use super::applied::later;
use super::migrator;
use super::texts::{Texts, is_part_of};
use crate::database::Database;
use crate::error::StoreError;

/// What the migrations leave, a line for each: tables, columns, indexes, triggers, functions, policies and the
/// views that the program reads.
pub(super) const POSTGRES_OBJECTS: &str = include_str!("postgres.txt");
pub(super) const SQLITE_OBJECTS: &str = include_str!("sqlite.txt");

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
/// earlier migration has the same name, and one that does nothing is as good as none. In a database of a later
/// version the right text is not known: there it is not compared.
pub(crate) async fn missing(database: &Database) -> Result<Vec<MissingObject>, StoreError> {
    let (expected, found) = match database {
        Database::Postgres(_) => (POSTGRES_OBJECTS, POSTGRES_FOUND),
        Database::Sqlite(_) => (SQLITE_OBJECTS, SQLITE_FOUND),
    };
    let is_of_later_version = !later(database).await?.is_empty();
    let texts = Texts::of(migrator(database));
    let mut there = BTreeMap::new();
    for row in database.fetch(found, &[]).await? {
        there.insert(row.text("object")?, row.text_or_null("definition")?);
    }
    let mut missing = Vec::new();
    for object in expected.lines() {
        let is_wrong = match there.get(object) {
            Some(Some(definition)) => !is_of_later_version && texts.is_altered(object, definition),
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
