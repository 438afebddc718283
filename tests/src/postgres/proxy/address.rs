//! The host and port in a URL, which is otherwise left as it is.

/// A URL in three parts.
#[derive(Debug)]
pub(super) struct Address<'a> {
    /// Up to the host, with who asks.
    before: &'a str,
    server: &'a str,
    /// The database and the parameters.
    after: &'a str,
}

impl<'a> Address<'a> {
    pub(super) fn of(url: &'a str) -> Self {
        let authority = url.find("://").map(|at| at + 3).unwrap_or_else(|| panic!("`{url}` is no URL of a server"));
        let end = url[authority..].find(['/', '?']).map_or(url.len(), |at| authority + at);
        let host = url[authority..end].rfind('@').map_or(authority, |at| authority + at + 1);
        assert!(host < end && !url[host..end].contains('%'), "`{url}` names no host that can be reached by TCP");
        Self { before: &url[..host], server: &url[host..end], after: &url[end..] }
    }

    /// Host and port, as they can be connected to.
    pub(super) fn server(&self) -> String {
        let has_port = self.server.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        if has_port { self.server.to_owned() } else { format!("{}:5432", self.server) }
    }

    /// The URL with a port of this machine in its place.
    pub(super) fn at(&self, port: u16) -> String {
        format!("{}127.0.0.1:{port}{}", self.before, self.after)
    }
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn only_host_and_port_are_replaced() {
        for (url, server, at) in [
            ("postgres://a:b@host:1/db?schema=s", "host:1", "postgres://a:b@127.0.0.1:9/db?schema=s"),
            ("postgres://host/db", "host:5432", "postgres://127.0.0.1:9/db"),
            ("postgres://a@[::1]:7", "[::1]:7", "postgres://a@127.0.0.1:9"),
            ("postgres://[::1]?x=@", "[::1]:5432", "postgres://127.0.0.1:9?x=@"),
        ] {
            let address = Address::of(url);
            assert_eq!((address.server(), address.at(9)), (server.to_owned(), at.to_owned()), "{url}");
        }
    }
}
