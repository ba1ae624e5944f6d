//! The role that the program connects as on PostgreSQL, where another one owns the tables: it may write
//! entries of the audit trail and read them, and neither change nor delete one, nor switch off what
//! refuses that. So it is with the books and the history of payments.

use sqlx::AssertSqlSafe;

use crate::Store;
use crate::database::postgres::PostgresPool;
use crate::database::{Database, classify};
use crate::error::StoreError;

/// Longest name of a role in PostgreSQL, in bytes.
const ROLE_MAX_BYTES: usize = 63;

/// Not the name of a role as it is taken here.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "role {0:?}: expected 1 to 63 of the letters a to z, digits and underscores, no digit in front"
)]
struct RoleNameError(String);

/// What a role needs that works with the database and owns nothing of it. Parts of a table are reached
/// through the table, so nothing is granted on the months of the audit trail. Nobody else creates anything in
/// the schema (before PostgreSQL 15 everyone might): functions that work with the owner's rights look into it.
const GRANTS: &str = "
REVOKE CREATE ON SCHEMA @schema FROM @role, PUBLIC;
GRANT USAGE ON SCHEMA @schema TO @role;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA @schema TO @role;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA @schema TO @role;
REVOKE ALL ON _sqlx_migrations FROM @role;
GRANT SELECT ON _sqlx_migrations TO @role;
REVOKE UPDATE, DELETE, TRUNCATE ON audit, audit_other FROM @role;
REVOKE UPDATE, TRUNCATE ON audit_links FROM @role;
REVOKE DELETE, TRUNCATE ON audit_chains, audit_horizon, audit_projected FROM @role;
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON audit_retention FROM @role;
REVOKE UPDATE, DELETE, TRUNCATE ON postings, posting_lines FROM @role;
REVOKE UPDATE, TRUNCATE ON payment_moves, refund_moves FROM @role;
DO $months$
DECLARE part regclass;
BEGIN
    FOR part IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'audit'::regclass LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON %s FROM @role', part);
    END LOOP;
END
$months$;
GRANT EXECUTE ON FUNCTION audit_make_months(bigint, integer), audit_drop_months(bigint, integer) TO @role;
";

/// What a role owns, or may become who does: the audit trail, the schema that it lies in, or something in there.
/// Functions of PostgreSQL are called by their full names, because others of these names may lie in the schema.
const OWNS: &str = "SELECT pg_catalog.pg_has_role($1, c.relowner, 'MEMBER') AS tables, \
     pg_catalog.pg_has_role($1, n.nspowner, 'MEMBER') AS schema, \
     EXISTS (SELECT FROM pg_catalog.pg_proc AS p WHERE p.pronamespace = n.oid \
         AND pg_catalog.pg_has_role($1, p.proowner, 'MEMBER')) \
     OR EXISTS (SELECT FROM pg_catalog.pg_operator AS o WHERE o.oprnamespace = n.oid \
         AND pg_catalog.pg_has_role($1, o.oprowner, 'MEMBER')) AS inside \
     FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
     WHERE c.oid = CAST(pg_catalog.to_regclass('audit') AS oid)";

/// Who owns the schema and who asks, and whether a role may create something in it.
const CREATES: &str = "SELECT CAST(pg_catalog.pg_get_userbyid(nspowner) AS text) AS owner, \
     CAST(current_user AS text) AS asks, \
     pg_catalog.has_schema_privilege($1, oid, 'CREATE') AS may \
     FROM pg_catalog.pg_namespace WHERE nspname = CAST($2 AS name)";

/// The statements that give a role what it needs, in the schema of the tables.
fn grants(role: &str, schema: &str) -> Result<String, RoleNameError> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let starts_well = role
        .bytes()
        .next()
        .is_some_and(|byte| !byte.is_ascii_digit());
    if !starts_well || role.len() > ROLE_MAX_BYTES || !role.bytes().all(is_plain) {
        return Err(RoleNameError(role.to_owned()));
    }
    let role = format!("\"{role}\"");
    let schema = format!("\"{}\"", schema.replace('"', "\"\""));
    Ok(GRANTS.replace("@role", &role).replace("@schema", &schema))
}

impl Store {
    /// The role of PostgreSQL that this store connects as, where it owns the audit trail, or what the trail
    /// lies in, or may become who does, or creates something in there: it can then switch off what refuses to
    /// change entries. `None` where there is nothing to say, as on SQLite.
    ///
    /// # Errors
    /// As every read.
    pub async fn role_beyond_triggers(&self) -> Result<Option<String>, StoreError> {
        let Database::Postgres(_) = &self.database else {
            return Ok(None);
        };
        // Who owns a schema may drop what lies in it; of `public` that is who owns the database.
        self.database
            .fetch_optional(
                "SELECT current_user::text AS role FROM pg_class AS c \
                 JOIN pg_namespace AS n ON n.oid = c.relnamespace \
                 WHERE c.oid = to_regclass('audit') \
                 AND (pg_has_role(current_user, c.relowner, 'MEMBER') \
                 OR pg_has_role(current_user, n.nspowner, 'MEMBER') \
                 OR has_schema_privilege(current_user, n.oid, 'CREATE'))",
                &[],
            )
            .await?
            .map(|row| row.text("role"))
            .transpose()
    }

    /// Gives a role of PostgreSQL what it needs to work with the tables, which stay those of the role that
    /// this store connects as; false on SQLite, which has no roles. To be done again behind every
    /// migration.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a name that is none, for a role that owns the tables (it would lose what the
    /// next migration needs), their schema or functions in there, and for one that may still create something in
    /// the schema, which only the schema's owner can take from it; otherwise as the database says, which has to
    /// have the role. Nothing was changed then.
    pub async fn grant_to_role(&self, role: &str) -> Result<bool, StoreError> {
        let Database::Postgres(PostgresPool { pool, .. }) = &self.database else {
            return Ok(false);
        };
        let schema = self
            .database
            .fetch_optional(
                "SELECT CAST(n.nspname AS text) AS name FROM pg_class AS c \
                 JOIN pg_namespace AS n ON n.oid = c.relnamespace \
                 WHERE c.oid = to_regclass('audit')",
                &[],
            )
            .await?
            .map_or_else(|| Ok("public".to_owned()), |row| row.text("name"))?;
        let sql = grants(role, &schema).map_err(|error| StoreError::Invalid(error.to_string()))?;
        let mut transaction = pool.begin().await.map_err(classify)?;
        let owned: Option<(bool, bool, bool)> = sqlx::query_as(OWNS)
            .bind(role)
            .fetch_optional(&mut *transaction)
            .await
            .map_err(classify)?;
        let owned = match owned {
            Some((true, _, _)) => Some("the tables"),
            Some((false, true, _)) => Some("their schema"),
            Some((false, false, true)) => Some("functions or operators in their schema"),
            _ => None,
        };
        if let Some(owned) = owned {
            return Err(StoreError::Invalid(format!(
                "role {role}: it owns {owned}, or may become the role that does; expected the role that servers \
                 connect as, which owns nothing, while this connects as the owner of the tables"
            )));
        }
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut *transaction)
            .await
            .map_err(classify)?;
        // Who does not own the schema takes nothing from anyone, which PostgreSQL merely warns of.
        let creates: Option<(String, String, bool)> = sqlx::query_as(CREATES)
            .bind(role)
            .bind(schema.as_str())
            .fetch_optional(&mut *transaction)
            .await
            .map_err(classify)?;
        if let Some((owner, asks, true)) = creates {
            let schema = format!("\"{}\"", schema.replace('"', "\"\""));
            return Err(StoreError::Invalid(format!(
                "role {role}: it may still create functions in schema {schema}; as {owner}, which owns the schema, \
                 run: GRANT CREATE ON SCHEMA {schema} TO \"{asks}\"; REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC, \
                 \"{role}\" (and from the roles that {role} is a member of)"
            )));
        }
        transaction.commit().await.map_err(classify)?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_of_roles_are_taken() {
        for name in ["onsale_app", "_x", "a1"] {
            let sql = grants(name, "pub\"lic").unwrap();
            assert!(sql.contains(&format!("TO \"{name}\";")), "{sql}");
            assert!(sql.contains("SCHEMA \"pub\"\"lic\" TO"), "{sql}");
            assert!(!sql.contains('@'));
        }
        let long = "x".repeat(64);
        for name in ["", "1a", "App", "a;b", "a\"b", "a b", "ä", long.as_str()] {
            assert!(grants(name, "public").is_err(), "{name}");
        }
    }
}
