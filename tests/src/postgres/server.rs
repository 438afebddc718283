//! The server that the tests of a run share.

use std::io::Write as _;
use std::sync::OnceLock;

/// The variable that names it.
pub const URL: &str = "TEST_POSTGRES_URL";

/// The URL of the server, where there is one. Where not, it is said once for each test program what is left out.
pub fn server_url() -> Option<&'static str> {
    static SERVER: OnceLock<Option<String>> = OnceLock::new();
    let server = SERVER.get_or_init(|| {
        let url = std::env::var(URL).ok().filter(|url| !url.is_empty());
        if url.is_none() {
            let program = std::env::current_exe().ok();
            let program = program.as_deref().and_then(|path| path.file_stem()?.to_str()).unwrap_or("these tests").to_owned();
            say(&format!(
                "SKIPPED in {program}: all that wants a server of Postgres, because {URL} is not set. \
                 `cargo run -p queue-tests --bin with_postgres -- cargo test ..` starts one for the tests"
            ));
        }
        url
    });
    server.as_deref()
}

/// Says something that is seen although the test passes: libtest keeps what `println!` says.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
