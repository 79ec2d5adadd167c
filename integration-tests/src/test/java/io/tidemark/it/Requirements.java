package io.tidemark.it;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Assumptions;

/** What a test needs from the machine. A test that lacks it is skipped, and says so loudly. */
final class Requirements {
  private static Boolean networks;

  private Requirements() {}

  static void mount() {
    if (Settings.plain()) {
      return;
    }
    require(Files.exists(Path.of("/dev/fuse")), "/dev/fuse is missing");
    require(Mounts.inMountNamespace(), "/proc/self/mountinfo cannot be read");
    root();
  }

  /** Tests of the program itself say nothing on a plain directory. */
  static void realMount() {
    require(!Settings.plain(), "needs the program, and tidemark.it.dir is plain");
    mount();
  }

  static void root() {
    require("root".equals(System.getProperty("user.name")), "needs root");
  }

  static void loopDevices() {
    root();
    require(Files.exists(Path.of("/dev/loop-control")), "/dev/loop-control is missing");
    programs("mkfs.ext4", "losetup", "mount", "umount");
  }

  /** For {@link Network}: containers often have no right to make namespaces. */
  static void networkNamespaces() {
    root();
    programs("ip", "iptables", "nsenter");
    if (networks == null) {
      networks = Network.isPossible();
    }
    require(networks, "network namespaces with iptables cannot be made");
  }

  static void programs(String... names) {
    for (String name : names) {
      require(onPath(name), "the program " + name + " is not installed");
    }
  }

  static void pythonModule(String module) {
    programs(Settings.python());
    require(
        Command.of(Settings.python(), "-c", "import " + module).run().exit() == 0,
        "the Python module " + module + " is not installed");
  }

  static boolean onPath(String name) {
    if (name.startsWith("/")) {
      return Files.isExecutable(Path.of(name));
    }
    for (String dir : (System.getenv("PATH") + ":/usr/sbin:/sbin").split(":")) {
      if (!dir.isEmpty() && Files.isExecutable(Path.of(dir, name))) {
        return true;
      }
    }
    return false;
  }

  static void require(boolean met, String whatIsMissing) {
    if (met) {
      return;
    }
    String notice = "NOT RUN: " + whatIsMissing;
    System.err.println("************************************************************");
    System.err.println("* " + notice);
    System.err.println("************************************************************");
    if (Settings.skipsFail()) {
      Assertions.fail(notice + " (and tidemark.it.skips=fail)");
    }
    Assumptions.abort(notice);
  }
}
