//! `skillsmith completions`.

use std::path::Path;

use crate::support::{Outcome, Place};

#[test]
fn each_shell_gets_a_script_of_its_own() {
    let place = Place::without_registry();
    for (shell, sign) in [
        ("bash", "complete -F _skillsmith"),
        ("zsh", "#compdef skillsmith"),
        ("fish", "complete -c skillsmith"),
        ("elvish", "edit:completion:arg-completer[skillsmith]"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let script = place.ok(&["completions", shell]);
        assert!(script.contains(sign), "{shell}: {script}");
        for word in ["history", "dry-run", "page-size", "frequency"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    assert!(!place.path(".skillsmith").exists());
}

#[test]
fn bash_completes_with_it() {
    let bash = Path::new("/bin/bash");
    if !bash.exists() {
        return;
    }
    let place = Place::without_registry();
    std::fs::write(place.path("script"), place.ok(&["completions", "bash"])).unwrap();
    let checked = Outcome::of(&mut place.command_of(bash, &["-n", "script"]));
    assert_eq!((checked.code, checked.stderr.as_str()), (0, ""));

    let complete = "source ./script
        COMP_WORDS=(skillsmith sync config --frequency ''); COMP_CWORD=4
        _skillsmith skillsmith '' --frequency; echo ${COMPREPLY[@]}
        COMP_WORDS=(skillsmith sync hi); COMP_CWORD=2
        _skillsmith skillsmith hi sync; echo ${COMPREPLY[@]}";
    let completed = Outcome::of(&mut place.command_of(bash, &["--norc", "-c", complete]));
    assert_eq!(
        completed.stdout, "daily weekly\nhistory\n",
        "{}",
        completed.stderr
    );
}
