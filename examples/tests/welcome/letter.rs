//! A message, read by another library than the one that wrote it.

use mailparse::{MailAddr, MailHeaderMap, ParsedMail, SingleInfo};

/// What a reader sees of a message.
#[derive(Debug)]
pub(crate) struct Letter {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) name: String,
    pub(crate) subject: String,
    pub(crate) message_id: String,
    pub(crate) text: String,
}

impl Letter {
    /// Reads a message; it must have every header of a proper one.
    #[track_caller]
    pub(crate) fn parse(text: &[u8]) -> Self {
        let mail = mailparse::parse_mail(text).unwrap();
        mailparse::dateparse(&header(&mail, "Date")).unwrap();
        let to = mailbox(&mail, "To");
        Self {
            from: mailbox(&mail, "From").addr,
            to: to.addr,
            name: to.display_name.unwrap(),
            subject: header(&mail, "Subject"),
            message_id: header(&mail, "Message-ID"),
            text: mail.get_body().unwrap(),
        }
    }
}

fn header(mail: &ParsedMail<'_>, name: &str) -> String {
    mail.headers.get_first_value(name).unwrap_or_else(|| panic!("a message without {name}"))
}

fn mailbox(mail: &ParsedMail<'_>, name: &str) -> SingleInfo {
    let header = mail.headers.get_first_header(name).unwrap_or_else(|| panic!("a message without {name}"));
    match mailparse::addrparse_header(header).unwrap().into_inner().pop() {
        Some(MailAddr::Single(mailbox)) => mailbox,
        other => panic!("{name} is {other:?}"),
    }
}
