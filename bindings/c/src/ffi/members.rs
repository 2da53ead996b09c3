//! The members of options structures.

/// Makes a structure one of options, by its name in messages and all its members. Its file says why it may be one.
macro_rules! options {
    ($type:ident as $name:literal { $($member:ident),+ $(,)? }) => {
        // SAFETY: the file of the structure says why.
        unsafe impl $crate::ffi::input::Options for $type {
            const NAME: &'static str = $name;
            const MEMBERS: &'static [$crate::ffi::input::Member] = &[$(
                $crate::ffi::input::Member {
                    name: stringify!($member),
                    start: std::mem::offset_of!($type, $member),
                    end: std::mem::offset_of!($type, $member)
                        + $crate::ffi::input::size_of_member(|options: &$type| &options.$member),
                }
            ),+];
        }
        // The compiler refuses a list that lacks one.
        const _: fn(&$type) = |$type { $($member: _),+ }| ();
    };
}

pub(crate) use options;
