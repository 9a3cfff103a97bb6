//! The id of the container.
//!
//! With version 1 of control groups, and wherever a container sees the groups of its host, the path
//! of a group ends in the id. With version 2 the path is `/`; but the container's `/etc/hostname` and
//! the like are mounted from a directory that has the id as its name.

use onelogger::Attributes;

use super::kubernetes;
use super::surroundings::Surroundings;
use crate::names::semantic;

/// Switches this detector: `true` on, also on Kubernetes, `false` off.
const SWITCH: &str = "_OTEL_ENABLE_CONTAINER_RESOURCE_DETECTOR";

const CGROUP: &str = "proc/self/cgroup";
const MOUNTINFO: &str = "proc/self/mountinfo";

pub(super) fn detect(surroundings: &Surroundings<'_>) -> Attributes {
    let switch = surroundings.variable(SWITCH).map(|value| value.to_ascii_lowercase());
    let (is_on, is_off) = (switch.as_deref() == Some("true"), switch.as_deref() == Some("false"));
    if is_off || (!is_on && kubernetes::is_there(surroundings)) {
        return Attributes::new();
    }
    let groups = surroundings.file(CGROUP).unwrap_or_default();
    let mounts = surroundings.file(MOUNTINFO).unwrap_or_default();
    let is_in_pod = groups.contains("kubepods") || mounts.contains("/kubelet/pods/");
    let id =
        if is_in_pod && !is_on { None } else { of_groups(&groups).or_else(|| of_mounts(&mounts)) };
    id.map_or_else(Attributes::new, |id| Attributes::from([(semantic::CONTAINER_ID, id)]))
}

/// From lines `number:controllers:path`. Of containers within containers the path names all, and
/// the innermost last.
fn of_groups(groups: &str) -> Option<&str> {
    groups.lines().find_map(|line| {
        let path = line.splitn(3, ':').nth(2)?;
        path.rsplit('/').find_map(id_in)
    })
}

/// What the runtimes put around an id: `docker-….scope`, `libpod-….scope`, `cri-containerd-….scope`.
fn id_in(segment: &str) -> Option<&str> {
    segment.split(|c: char| !c.is_ascii_alphanumeric()).find(|part| is_id(part))
}

fn is_id(text: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == 64 && text.bytes().all(is_digit)
}

/// From lines `id parent device root mount-point …`. Layers of images have ids of the same form:
/// only what lies in a directory of containers is one of a container.
fn of_mounts(mounts: &str) -> Option<&str> {
    mounts.lines().find_map(|line| {
        let mut fields = line.split(' ').skip(3);
        let (root, mount_point) = (fields.next()?, fields.next()?);
        if !["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"].contains(&mount_point) {
            return None;
        }
        let mut segments = root.split('/');
        segments.find(|segment| matches!(*segment, "containers" | "overlay-containers"))?;
        segments.find(|segment| is_id(segment))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::surroundings::Fixture;

    const ID: &str = "7be92808767a667f35c8505cbf40d14e931ef6db5b0210329cf193b15ba9d605";
    const OTHER: &str = "dc579f8a8319c8cf7d38e1adf263bc08d23f4dbd0dfd2f4b3c2b3b1f5a2a1b0c";

    #[track_caller]
    fn check(fixture: &Fixture, expected: Option<&str>) {
        let found = detect(&fixture.surroundings());
        assert_eq!(found.get_str("container.id"), Ok(expected));
    }

    fn groups(lines: &str) -> Fixture {
        Fixture::new().file(CGROUP, lines)
    }

    #[test]
    fn the_path_of_a_control_group_ends_in_the_id() {
        let docker = format!("13:name=systemd:/docker/{ID}\n12:pids:/docker/{ID}\n");
        check(&groups(&docker), Some(ID));
        let among_others = format!("9:rdma:/\n8:cpu,cpuacct:/\n7:pids:/docker/{ID}\n0::/\n");
        check(&groups(&among_others), Some(ID));
        for scope in ["docker", "libpod", "cri-containerd", "crio"] {
            let line = format!("0::/system.slice/{scope}-{ID}.scope\n");
            check(&groups(&line), Some(ID));
        }
        let podman = format!("0::/machine.slice/libpod-{ID}.scope/container\n");
        check(&groups(&podman), Some(ID));
        let containerd = format!("0::/system.slice/containerd.service/default:cri:{ID}");
        check(&groups(&containerd), Some(ID));
        let nested = format!("1:cpu:/docker/{OTHER}/docker/{ID}\n");
        check(&groups(&nested), Some(ID));
    }

    #[test]
    fn mounts_tell_the_id_where_control_groups_do_not() {
        let docker = format!(
            "456 375 0:143 / / rw,relatime master:175 - overlay overlay rw,lowerdir=/var/lib/docker/\
             overlay2/l/A,upperdir=/var/lib/docker/overlay2/{OTHER}/diff\n\
             457 456 0:146 / /proc rw,nosuid - proc proc rw\n\
             466 456 254:1 /docker/containers/{ID}/resolv.conf /etc/resolv.conf rw - ext4 /dev/vda1 rw\n\
             467 456 254:1 /docker/containers/{ID}/hostname /etc/hostname rw - ext4 /dev/vda1 rw\n"
        );
        check(&groups("0::/\n").file(MOUNTINFO, docker), Some(ID));
        let podman = format!(
            "983 961 0:56 / / rw - overlay overlay rw,lowerdir=/storage/overlay/{OTHER}/diff\n\
             984 983 0:24 /containers/storage/overlay-containers/{ID}/userdata/hostname /etc/hostname \
             rw,nosuid - tmpfs tmpfs rw\n"
        );
        check(&groups("0::/\n").file(MOUNTINFO, podman), Some(ID));
        let nerdctl = format!(
            "1 0 8:1 /var/lib/nerdctl/1935db59/containers/default/{ID}/resolv.conf /etc/resolv.conf rw\n"
        );
        check(&groups("0::/\n").file(MOUNTINFO, nerdctl), Some(ID));
    }

    #[test]
    fn what_is_no_container_is_not_taken_for_one() {
        check(&Fixture::new(), None);
        check(&groups("0::/user.slice/user-1000.slice/session-3.scope\n"), None);
        check(&groups(&format!("1:cpu:/docker/{}\n", &ID[1..])), None);
        check(&groups(&format!("1:cpu:/docker/{ID}0\n")), None);
        check(&groups(&format!("1:cpu:/docker/{}\n", ID.to_uppercase())), None);
        check(&groups(&format!("{ID}\n:{ID}\n")), None);
        let mounts = [
            // A volume with the data of another container, as an agent has it.
            format!("1 0 8:1 /var/lib/docker/containers/{ID} /logs rw - ext4 /dev/sda rw\n"),
            // The sandbox that a container is in, and a layer of its image.
            format!(
                "1 0 8:1 /io.containerd.grpc.v1.cri/sandboxes/{ID}/hostname /etc/hostname rw\n"
            ),
            format!("1 0 8:1 /overlay2/{ID}/merged /etc/hostname rw\n"),
            "1 0 8:1\n".to_owned(),
        ];
        for mounts in mounts {
            check(&groups("0::/\n").file(MOUNTINFO, &mounts), None);
        }
    }

    #[test]
    fn files_that_are_strange_say_nothing() {
        check(&Fixture::new().unreadable(CGROUP).unreadable(MOUNTINFO), None);
        check(&Fixture::new().file(CGROUP, [0xff; 4096]).file(MOUNTINFO, [0; 4096]), None);
        let huge = "11:cpu:/a\n".repeat(1 << 18);
        check(&groups(&huge).file(MOUNTINFO, vec![b' '; 3 << 20]), None);
        // What is strange in one line hides no other one.
        let mixed = [b"\xff\xfe\n1:cpu:/docker/", ID.as_bytes(), b"\n\0\0"].concat();
        check(&Fixture::new().file(CGROUP, mixed), Some(ID));
    }

    #[test]
    fn it_stands_back_on_kubernetes_unless_it_is_asked() {
        let pod = "/kubepods/burstable/pod2c48913c-b29f-11e7-9350-020968147796";
        let line = format!("11:cpu:{pod}/{ID}\n");
        check(&groups(&line), None);
        check(&groups(&line).variable(SWITCH, "TRUE"), Some(ID));
        let docker = format!("1:cpu:/docker/{ID}\n");
        let there = || groups(&docker).variable("KUBERNETES_SERVICE_HOST", "10.0.0.1");
        check(&there(), None);
        check(&there().variable(SWITCH, "true"), Some(ID));
        let mounts = format!(
            "1 0 8:1 /var/lib/kubelet/pods/2c48913c/etc-hosts /etc/hosts rw\n\
             2 0 8:1 /containers/{ID}/hostname /etc/hostname rw\n"
        );
        check(&groups("0::/\n").file(MOUNTINFO, mounts), None);
    }

    #[test]
    fn it_can_be_switched_off() {
        let docker = format!("1:cpu:/docker/{ID}\n");
        check(&groups(&docker).variable(SWITCH, "false"), None);
        check(&groups(&docker).variable(SWITCH, "perhaps"), Some(ID));
    }
}
