//! Reading the sign-ups: a row becomes a user, or is refused by its line and a reason.

use std::collections::{HashMap, HashSet};
use std::fmt;

use csv::{ByteRecord, ReaderBuilder};
use lettre::Address;

/// The columns of the file, in order.
const COLUMNS: [&str; 3] = ["user_id", "name", "email"];

/// Somebody who signed up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) email: Address,
}

/// A row that is no sign-up.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) line: u64,
    pub(crate) reason: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

/// What a file of sign-ups holds.
#[derive(Debug, Default)]
pub(crate) struct Signups {
    pub(crate) users: Vec<User>,
    pub(crate) refused: Vec<Refused>,
}

impl Signups {
    /// Reads a CSV whose first line names the columns.
    pub(crate) fn read(text: &[u8]) -> Result<Self, Box<dyn std::error::Error>> {
        // Flexible: a row with a column too many is refused by its line; it does not end the reading.
        let mut reader = ReaderBuilder::new().flexible(true).from_reader(text);
        if reader.byte_headers()? != COLUMNS.as_slice() {
            return Err(format!("the first line of the sign-ups must be `{}`", COLUMNS.join(",")).into());
        }
        let mut signups = Self::default();
        let mut seen = Seen::default();
        for record in reader.into_byte_records() {
            let record = record?;
            match user(&record).and_then(|user| seen.first(user)) {
                Ok(user) => signups.users.push(user),
                Err(reason) => signups.refused.push(Refused { line: line(text, &record), reason }),
            }
        }
        Ok(signups)
    }
}

/// Makes a user of a row.
fn user(record: &ByteRecord) -> Result<User, String> {
    let fields: Vec<&[u8]> = record.iter().collect();
    let [id, name, email] = fields[..] else {
        return Err(format!("{} columns instead of {}", fields.len(), COLUMNS.len()));
    };
    let (id, name, email) = (text("user_id", id)?, text("name", name)?, text("email", email)?);
    Ok(User {
        id: id.parse().map_err(|_| format!("`{id}` is not a user id"))?,
        name: name.to_owned(),
        email: email.parse().map_err(|_| format!("`{email}` is not an address"))?,
    })
}

/// The text of a field: not empty, and on one line, because it goes into a header.
fn text<'a>(column: &str, field: &'a [u8]) -> Result<&'a str, String> {
    let text = str::from_utf8(field).map_err(|_| format!("the {column} is not UTF-8"))?.trim();
    if text.is_empty() {
        return Err(format!("the {column} is missing"));
    }
    if text.contains(char::is_control) {
        return Err(format!("the {column} has a line break or another control character"));
    }
    Ok(text)
}

/// The line that a row begins on. The reader says where it began to look, which is before the empty lines that it skipped.
fn line(text: &[u8], record: &ByteRecord) -> u64 {
    let Some(position) = record.position() else { return 0 };
    let rest = usize::try_from(position.byte()).ok().and_then(|start| text.get(start..)).unwrap_or_default();
    let skipped = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).filter(|byte| **byte == b'\n').count();
    position.line() + skipped as u64
}

/// Who has signed up before in this file.
#[derive(Default)]
struct Seen {
    ids: HashSet<u64>,
    addresses: HashMap<String, u64>,
}

impl Seen {
    /// Lets a user through whose id and address are new.
    fn first(&mut self, user: User) -> Result<User, String> {
        if self.ids.contains(&user.id) {
            return Err(format!("the user id {} is there already", user.id));
        }
        // Nearly every mail server takes `Ada@` and `ada@` for the same mailbox.
        let address = user.email.to_string().to_lowercase();
        if let Some(other) = self.addresses.get(&address) {
            return Err(format!("the address {} belongs to user {other} already", user.email));
        }
        self.ids.insert(user.id);
        self.addresses.insert(address, user.id);
        Ok(user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(rows: &[u8]) -> Signups {
        Signups::read(&[b"user_id,name,email\n", rows].concat()).unwrap()
    }

    #[track_caller]
    fn assert_refused(rows: &[u8], line: u64, reason: &str) {
        assert_eq!(read(rows).refused, [Refused { line, reason: reason.to_owned() }]);
    }

    #[test]
    fn a_row_becomes_a_user() {
        let signups = read("1,\"O'Brien, Zoë\",zoe@example.org\n".as_bytes());
        let email = "zoe@example.org".parse().unwrap();
        assert_eq!(signups.users, [User { id: 1, name: "O'Brien, Zoë".to_owned(), email }]);
        assert_eq!(signups.refused, []);
    }

    #[test]
    fn a_bad_field_is_refused_by_its_line() {
        assert_refused(b"1,Ada,ada.example.org", 2, "`ada.example.org` is not an address");
        assert_refused(b"1,Ada,ada@example.org\n2,,b@example.org", 3, "the name is missing");
        assert_refused(b"1,Jos\xe9,jose@example.org", 2, "the name is not UTF-8");
        assert_refused(b"one,Ada,ada@example.org", 2, "`one` is not a user id");
        assert_refused(b"1,\"A\nda\",ada@example.org", 2, "the name has a line break or another control character");
    }

    #[test]
    fn a_row_of_another_width_is_refused() {
        assert_refused(b"1,Ada,ada@example.org,x", 2, "4 columns instead of 3");
        assert_refused(b"1,Ada", 2, "2 columns instead of 3");
    }

    #[test]
    fn a_second_row_for_somebody_is_refused() {
        let again = b"1,Ada,ada@example.org\n2,Ada,ADA@example.org\n";
        assert_refused(again, 3, "the address ADA@example.org belongs to user 1 already");
        assert_refused(b"1,Ada,ada@example.org\n1,Eve,eve@example.org\n", 3, "the user id 1 is there already");
    }

    #[test]
    fn line_numbers_survive_empty_lines_quoted_breaks_and_windows() {
        assert_refused(b"1,Ada,ada@example.org\n\n\n2,Bob,bob", 5, "`bob` is not an address");
        assert_refused(b"1,Ada,ada@example.org\r\n\r\n2,Bob,bob\r\n", 4, "`bob` is not an address");
        let lines: Vec<u64> = read(b"1,\"A\nda\",ada@example.org\n2,Bob,bob").refused.iter().map(|row| row.line).collect();
        assert_eq!(lines, [2, 4]);
    }

    #[test]
    fn a_file_without_the_columns_is_an_error() {
        let error = Signups::read(b"1,Ada,ada@example.org\n").unwrap_err();
        assert_eq!(error.to_string(), "the first line of the sign-ups must be `user_id,name,email`");
    }
}
