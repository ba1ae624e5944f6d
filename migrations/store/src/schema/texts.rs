//! The texts of the migrations, compared with what a database says of its objects.

use std::collections::BTreeSet;

use sqlx::migrate::Migrator;

/// Whether a column, index, trigger or policy has the name of its table in front.
pub(super) fn is_part_of(name: &str, table: &str) -> bool {
    let rest = name.strip_prefix(table);
    rest.is_some_and(|rest| rest.starts_with(['.', '_']))
}

/// The statements of all migrations in order, each on one line and without comments, with the number of
/// its migration.
pub(super) struct Texts(Vec<(i64, String)>);

impl Texts {
    pub(super) fn of(migrator: &Migrator) -> Self {
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
    pub(super) fn creating(&self, object: &str) -> Option<i64> {
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
    pub(super) fn is_altered(&self, object: &str, definition: &str) -> bool {
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

#[cfg(test)]
mod tests {
    use super::super::objects::{POSTGRES_OBJECTS, SQLITE_OBJECTS};
    use super::super::{POSTGRES, SQLITE};
    use super::*;

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
                ("trigger show_has_changed", 29),
                ("trigger zone_has_changed", 5),
                ("trigger zone_has_grown", 32),
                ("column zones.growth", 32),
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
}
