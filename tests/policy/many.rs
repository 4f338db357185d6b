//! Many files by a policy, on all cores: what a report cites of each is its own evidence.

use serde_json::Value;

use super::Desk;

const SIGNED: &str = "[[require]]\ntype = \"signature\"\nsigned_by = \"alice\"\n";

#[test]
fn a_rule_cites_of_each_file_its_own_evidence() {
    let desk = Desk::new();
    let world = &desk.people.world;
    let names: Vec<String> = (10..34).map(|number| format!("d/{number}")).collect();
    for name in &names {
        world.write(name, name);
    }
    let files = names.join(" ");
    let sign = format!("sign {files} --key alice.key --no-password");
    world.attest(&sign).yes();
    // The places that a report cites of each file: for what counted, and for what was passed over.
    let cited = |more: &str, of: &dyn Fn(&Value) -> Value| {
        let report = desk.ask(&format!("{files}{more}")).json();
        for (subject, name) in report["subjects"].as_array().unwrap().iter().zip(&names) {
            let index = of(&subject["rules"][0]).as_u64().unwrap();
            let place = &report["evidence"][usize::try_from(index).unwrap()]["place"];
            assert_eq!(place.as_str().unwrap(), format!("{name}.sigstore.json"));
        }
    };
    desk.policy(&["alice"], "", SIGNED);
    desk.ask(&files).yes();
    cited("", &|rule| rule["evidence"][0].clone());
    desk.policy(&["alice"], "", &format!("{SIGNED}max_age = \"7d\"\n"));
    let later = " --at 2100-01-01T00:00:00Z";
    cited(later, &|rule| rule["passed_over"][0]["evidence"].clone());
}
