//! What `TZ` and `TZDIR` may say, as `date` understands it.

use std::fs;
use std::process::Command;

use crate::support::{Outcome, Place};

/// A compiled zone that is always 5:45 ahead.
fn compiled() -> Vec<u8> {
    let mut file = Vec::new();
    // The same twice: a block of version 1 comes first.
    for _ in 0..2 {
        file.extend(b"TZif2");
        file.extend([0; 15]);
        // Times at which the zone changes, kinds of time, and bytes of their names.
        for count in [0_u32, 0, 0, 0, 1, 4] {
            file.extend(count.to_be_bytes());
        }
        file.extend((5 * 3_600 + 45 * 60_i32).to_be_bytes());
        file.extend([0, 0]);
        file.extend(b"NPT\0");
    }
    file.extend(b"\nNPT-5:45\n");
    file
}

#[test]
fn a_zone_is_that_of_the_system_s_own_programs() {
    let place = Place::with_skills(5);
    place.ok(&["sync"]);
    fs::create_dir(place.path("zones")).unwrap();
    fs::write(place.path("zones/Mine"), compiled()).unwrap();
    let (folder, file) = (place.path("zones"), place.path("zones/Mine"));
    let folder = folder.to_str().unwrap();
    let of_file = format!(":{}", file.display());
    for (zone, folder, expected) in [
        ("<-03>3", "", Some("-03:00")),
        ("AAA5BBB,J1/-167,J365/167", "", Some("-04:00")),
        ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "", None),
        ("EST5EDT,M3.2.0/-1,M11.1.0/-1", "", None),
        ("EST5EDT,M3.2.0/26,M11.1.0/167", "", None),
        (&of_file, "", Some("+05:45")),
        ("Mine", folder, Some("+05:45")),
        (":Mine", folder, Some("+05:45")),
    ] {
        let of_zone = |command: &mut Command| {
            command.env("TZ", zone);
            if !folder.is_empty() {
                command.env("TZDIR", folder);
            }
            let outcome = Outcome::of(command);
            assert_eq!(outcome.code, 0, "{zone}: {}", outcome.stderr);
            outcome.stdout
        };
        let status = place.json(&["sync", "status", "--json"]);
        let last = status["config"]["lastSyncAt"].as_str().unwrap();
        let date = ["-d", last, "+%Y-%m-%d %H:%M %:z"];
        let by_date = of_zone(&mut place.command_of("date", &date));
        let by_date = by_date.trim();
        let text = of_zone(&mut place.command(&["sync", "status"]));
        assert!(text.contains(by_date), "{zone}: not {by_date}: {text}");
        if let Some(expected) = expected {
            assert!(by_date.ends_with(expected), "{zone}: {by_date}");
        }
    }
}

/// The C library would wait for whoever writes into it.
#[test]
fn a_zone_that_is_a_pipe_or_a_device_is_not_waited_for() {
    let place = Place::with_skills(5);
    place.ok(&["sync"]);
    fs::create_dir(place.path("zones")).unwrap();
    let made = Command::new("mkfifo")
        .arg(place.path("zones/Pipe"))
        .status();
    assert!(made.unwrap().success());
    let pipe = place.path("zones/Pipe");
    let linked = place.path("link");
    std::os::unix::fs::symlink(&pipe, &linked).unwrap();
    let (folder, pipe, linked) = (place.path("zones"), pipe.display(), linked.display());
    for zone in [
        pipe.to_string(),
        format!(":{pipe}"),
        linked.to_string(),
        "Pipe".to_owned(),
        ":Pipe".to_owned(),
        "/dev/zero".to_owned(),
        "/dev/ptmx".to_owned(),
    ] {
        for args in [&["sync", "history"][..], &["sync", "status"], &["doctor"]] {
            let mut command = place.command(args);
            let outcome = Outcome::of(command.env("TZ", &zone).env("TZDIR", &folder));
            assert_eq!(outcome.code, 0, "{zone}: {}", outcome.stderr);
            assert!(outcome.stdout.contains("UTC"), "{zone}: {}", outcome.stdout);
        }
    }
}
