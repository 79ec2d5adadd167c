package io.tidemark.mount.fuse;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The daemon runs as the user nobody and mounts by fusermount3. */
@Timeout(90)
class NonRootMountTest {
  private static final String NOBODY = "65534";

  private Path temp;
  private Path backing;
  private Path root;

  @BeforeEach
  void directoriesOfNobody() throws IOException {
    FuseSupport.require(MountOptions.Transport.KERNEL);
    FuseSupport.requireRoot();
    FuseSupport.requireProgram("fusermount3");
    FuseSupport.requireProgram("setpriv");
    FuseSupport.needs(
        Files.getPosixFilePermissions(Path.of("/dev/fuse"))
            .contains(PosixFilePermission.OTHERS_WRITE),
        "/dev/fuse is closed to other users; run chmod 666 /dev/fuse");
    temp = Files.createTempDirectory("tidemark-nobody");
    backing = Files.createDirectory(temp.resolve("backing"));
    root = Files.createDirectory(temp.resolve("mount point"));
    for (Path path : List.of(temp, backing, root)) {
      Files.setAttribute(path, "unix:uid", Integer.parseInt(NOBODY));
      Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwxr-xr-x"));
    }
  }

  @AfterEach
  void removeDirectories() throws IOException, InterruptedException {
    if (temp != null) {
      if (MountTable.at(root).isPresent()) {
        FuseControl.abort(MountTable.at(root).get().minor());
        Client.run("umount", "-l", root.toString());
      }
      Client.run("rm", "-r", temp.toString());
    }
  }

  /** The class path of this test lies in directories that nobody may not read. */
  private String readableClassPath() throws IOException {
    Path copies = Files.createDirectories(temp.resolve("lib"));
    List<String> parts = new ArrayList<>();
    for (String part : System.getProperty("java.class.path").split(File.pathSeparator)) {
      Path source = Path.of(part);
      if (Files.exists(source)) {
        Path target = copies.resolve(parts.size() + "-" + source.getFileName());
        copy(source, target);
        parts.add(target.toString());
      }
    }
    return String.join(File.pathSeparator, parts);
  }

  private static void copy(Path source, Path target) throws IOException {
    try (Stream<Path> tree = Files.walk(source)) {
      for (Path path : tree.toList()) {
        Path to = target.resolve(source.relativize(path).toString());
        Files.copy(path, to, StandardCopyOption.REPLACE_EXISTING);
        Files.setPosixFilePermissions(to, PosixFilePermissions.fromString("rwxr-xr-x"));
      }
    }
  }

  private Process daemonOfNobody(String... options) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Programs.find("setpriv"),
                "--reuid=" + NOBODY,
                "--regid=" + NOBODY,
                "--clear-groups",
                System.getProperty("java.home") + "/bin/java",
                "-Xmx64m",
                "-cp",
                readableClassPath(),
                MountMain.class.getName(),
                backing.toString(),
                root.toString()));
    command.addAll(List.of(options));
    return new ProcessBuilder(command).directory(temp.toFile()).redirectErrorStream(true).start();
  }

  private static void awaitMounted(Process daemon) throws IOException {
    StringBuilder said = new StringBuilder();
    BufferedReader out = daemon.inputReader();
    for (String line = out.readLine(); line != null; line = out.readLine()) {
      if (line.startsWith("mounted")) {
        return;
      }
      said.append(line).append('\n');
    }
    fail("the daemon did not mount: " + said);
  }

  private static String asNobody(String script) throws IOException, InterruptedException {
    return Client.run(
        Programs.find("setpriv"),
        "--reuid=" + NOBODY,
        "--regid=" + NOBODY,
        "--clear-groups",
        "sh",
        "-c",
        script);
  }

  @ParameterizedTest
  @EnumSource
  void nobodyMountsUsesAndUnmounts(MountOptions.Transport transport) throws Exception {
    FuseSupport.require(transport);
    Process daemon = daemonOfNobody("transport=" + transport);
    awaitMounted(daemon);
    MountTable.Mount mount = MountTable.at(root).orElseThrow();
    assertThat(mount.type()).isEqualTo("fuse.tidemark");

    String file = "'" + root.resolve("f") + "'";
    assertThat(asNobody("echo hello > " + file + " && cat " + file)).isEqualTo("hello");

    daemon.outputWriter().close();
    assertThat(daemon.waitFor()).isZero();
    assertThat(MountTable.at(root)).isEmpty();
  }

  /** Whoever cannot leave SCHED_IDLE again must not enter it. */
  @Test
  void noThreadOfNobodysDaemonIsBoundOrIdle() throws Exception {
    Process daemon = daemonOfNobody();
    awaitMounted(daemon);
    Process writer =
        new ProcessBuilder(
                Programs.find("setpriv"),
                "--reuid=" + NOBODY,
                "--regid=" + NOBODY,
                "--clear-groups",
                "dd",
                "if=/dev/zero",
                "of=" + root.resolve("f"),
                "bs=1",
                "count=20000")
            .redirectErrorStream(true)
            .start();
    do {
      assertThat(ThreadState.unusual(daemon.pid())).isEmpty();
    } while (!writer.waitFor(5, TimeUnit.MILLISECONDS));
    assertThat(writer.exitValue()).isZero();
    daemon.outputWriter().close();
    assertThat(daemon.waitFor()).isZero();
  }

  @ParameterizedTest
  @EnumSource
  void theGuardOfNobodyRemovesTheMountOfAKilledDaemon(MountOptions.Transport transport)
      throws Exception {
    FuseSupport.require(transport);
    Process daemon = daemonOfNobody("transport=" + transport, "waitsForItself=true");
    awaitMounted(daemon);

    daemon.destroyForcibly();

    assertThat(daemon.waitFor(10, TimeUnit.SECONDS)).isTrue();
    long deadline = System.nanoTime() + 10_000_000_000L;
    while (MountTable.at(root).isPresent() && System.nanoTime() < deadline) {
      Thread.sleep(20);
    }
    assertThat(MountTable.at(root)).isEmpty();
  }
}
