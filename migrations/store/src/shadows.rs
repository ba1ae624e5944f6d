//! What stands in the way of PostgreSQL's own operators and functions.
//!
//! An operator or function that takes exactly the types of a call is preferred to one of PostgreSQL's own whose
//! arguments would have to be converted, whichever of the two comes first in the path. So whoever may create one
//! beside the tables can change what a trigger does while its text stays the same.

use crate::database::Database;
use crate::error::StoreError;

/// Everything in it is named with its schema: it would be of no use if it could be misled itself. What belongs to
/// an extension was installed by whoever may, as one with types of its own.
const SHADOWS: &str = "SELECT pg_catalog.format('operator %I.%s (%s, %s)', n.nspname, o.oprname, \
         pg_catalog.format_type(o.oprleft, NULL), pg_catalog.format_type(o.oprright, NULL)) AS shadow \
     FROM pg_catalog.pg_operator AS o \
         JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) o.oprnamespace \
     WHERE n.nspname OPERATOR(pg_catalog.=) ANY (pg_catalog.current_schemas(false)) \
         AND n.nspname OPERATOR(pg_catalog.<>) 'pg_catalog'::pg_catalog.name \
         AND EXISTS (SELECT 1 FROM pg_catalog.pg_operator AS own \
             WHERE own.oprnamespace OPERATOR(pg_catalog.=) 11::pg_catalog.oid \
                 AND own.oprname OPERATOR(pg_catalog.=) o.oprname) \
         AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend AS d \
             WHERE d.classid OPERATOR(pg_catalog.=) 2617::pg_catalog.oid \
                 AND d.objid OPERATOR(pg_catalog.=) o.oid \
                 AND d.deptype OPERATOR(pg_catalog.=) 'e'::pg_catalog.\"char\") \
     UNION ALL SELECT pg_catalog.format('function %I.%I(%s)', n.nspname, p.proname, \
         pg_catalog.pg_get_function_identity_arguments(p.oid)) \
     FROM pg_catalog.pg_proc AS p \
         JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace \
     WHERE n.nspname OPERATOR(pg_catalog.=) ANY (pg_catalog.current_schemas(false)) \
         AND n.nspname OPERATOR(pg_catalog.<>) 'pg_catalog'::pg_catalog.name \
         AND EXISTS (SELECT 1 FROM pg_catalog.pg_proc AS own \
             WHERE own.pronamespace OPERATOR(pg_catalog.=) 11::pg_catalog.oid \
                 AND own.proname OPERATOR(pg_catalog.=) p.proname) \
         AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend AS d \
             WHERE d.classid OPERATOR(pg_catalog.=) 1255::pg_catalog.oid \
                 AND d.objid OPERATOR(pg_catalog.=) p.oid \
                 AND d.deptype OPERATOR(pg_catalog.=) 'e'::pg_catalog.\"char\") \
     ORDER BY shadow";

/// Operators and functions by the names of PostgreSQL's own in the schemas in which unqualified names are looked
/// for; none on SQLite, which has no such schemas. (11 is the schema `pg_catalog` in every database, 2617 and 1255
/// are its `pg_operator` and `pg_proc`.)
pub(crate) async fn shadows(database: &Database) -> Result<Vec<String>, StoreError> {
    let Database::Postgres(_) = database else {
        return Ok(Vec::new());
    };
    let found = database.fetch(SHADOWS, &[]).await?;
    found.iter().map(|row| row.text("shadow")).collect()
}
