//! What the jobs of the program need.

use queue::{BoxError, Container};

/// What makes the container of the jobs: the container itself, or a `Result` of it.
pub trait Services {
    /// The container.
    ///
    /// # Errors
    ///
    /// What the user's code says.
    fn container(self) -> Result<Container, BoxError>;
}

impl Services for Container {
    fn container(self) -> Result<Container, BoxError> {
        Ok(self)
    }
}

impl<E: Into<BoxError>> Services for Result<Container, E> {
    fn container(self) -> Result<Container, BoxError> {
        self.map_err(Into::into)
    }
}
