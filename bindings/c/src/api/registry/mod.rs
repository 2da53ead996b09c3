//! A registry that the host supplies: its own HTTP stack, a file, a test.

mod call;
mod callbacks;
mod host;
mod lifetime;

#[cfg(test)]
pub(crate) use self::call::*;
#[cfg(test)]
pub(crate) use self::callbacks::*;
pub(crate) use self::lifetime::*;
