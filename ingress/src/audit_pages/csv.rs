//! Entries of the audit trail as CSV (RFC 4180), for spreadsheets too.

use super::entry::EntryBody;

/// The first line.
pub(super) const HEADER: &str =
    "audit_id,at,actor_id,actor_role,origin,request_id,action,kind,entity,tenant_id,detail\r\n";

/// Adds the line of an entry.
pub(super) fn write(entry: &EntryBody, into: &mut Vec<u8>) {
    let id = |id: Option<uuid::Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
    let detail = if entry.detail.is_null() {
        String::new()
    } else {
        entry.detail.to_string()
    };
    let fields = [
        entry.audit_id.to_string(),
        entry.at.to_string(),
        id(entry.actor_id),
        entry.actor_role.clone(),
        entry.origin.clone().unwrap_or_default(),
        entry.request_id.clone().unwrap_or_default(),
        entry.action.clone(),
        entry.kind.clone(),
        entry.entity.clone(),
        id(entry.tenant_id),
        detail,
    ];
    into.extend(line(&fields));
}

/// A line of these fields.
pub(crate) fn line<const N: usize>(fields: &[String; N]) -> Vec<u8> {
    let mut line = Vec::new();
    for (position, text) in fields.iter().enumerate() {
        if position > 0 {
            line.push(b',');
        }
        field(text, &mut line);
    }
    line.extend_from_slice(b"\r\n");
    line
}

/// A field. A spreadsheet takes what begins with one of these for a formula and runs it: the ids of
/// requests come from clients, so such a field gets an apostrophe in front, which makes it a text.
pub(crate) fn field(text: &str, into: &mut Vec<u8>) {
    let is_formula =
        text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let is_quoted = is_formula || text.contains([',', ';', '"', '\r', '\n', '\t']);
    if !is_quoted {
        into.extend_from_slice(text.as_bytes());
        return;
    }
    into.push(b'"');
    if is_formula {
        into.push(b'\'');
    }
    for byte in text.bytes() {
        if byte == b'"' {
            into.push(b'"');
        }
        into.push(byte);
    }
    into.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn a_field_is_one_field_and_never_a_formula() {
        for (text, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("a\"b", "\"a\"\"b\""),
            ("a\r\nb", "\"a\r\nb\""),
            ("=1+1", "\"'=1+1\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("\t=1", "\"'\t=1\""),
            ("=\"x\"", "\"'=\"\"x\"\"\""),
            ("{\"a\":1}", "\"{\"\"a\"\":1}\""),
        ] {
            let mut line = Vec::new();
            field(text, &mut line);
            assert_eq!(String::from_utf8(line).unwrap(), expected, "{text:?}");
        }
    }
}
