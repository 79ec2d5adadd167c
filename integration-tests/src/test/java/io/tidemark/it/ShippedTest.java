package io.tidemark.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What people get: the archive, the package, and the service. */
class ShippedTest {
  @RegisterExtension final Workbench bench = new Workbench();

  @BeforeEach
  void needsAMount() {
    Requirements.realMount();
  }

  @Test
  void theArchiveAndThePackageHaveAProgramThatRuns() throws IOException {
    Requirements.programs("dpkg-deb", "tar");
    Path out = bench.scratchDirectory("release");
    Command.of(Readme.ROOT.resolve("scripts/package"), out).within(Duration.ofMinutes(1)).ok();
    Path unpacked = bench.scratchDirectory("unpacked");
    Command.of("sh", "-c", "tar xzf " + out + "/*.tar.gz -C " + unpacked).ok();
    Path installed = bench.scratchDirectory("installed");
    Command.of("sh", "-c", "dpkg-deb -x " + out + "/*.deb " + installed).ok();
    Path archived = only(unpacked);
    assertThat(Command.of(archived.resolve("tidemark"), "version").ok()).startsWith("tidemark ");
    assertThat(Command.of(installed.resolve("usr/bin/tidemark"), "version").ok())
        .startsWith("tidemark ");
    assertThat(archived.resolve("deploy/kubernetes/base/kustomization.yaml")).exists();
    assertThat(archived.resolve("docs/OPERATIONS.md")).exists();
    assertThat(Files.readString(installed.resolve("lib/systemd/system/tidemark.service")))
        .contains("ExecStart=/usr/bin/tidemark mount --config /etc/tidemark.yml")
        .doesNotContain("/opt/");
    assertThat(Command.of("sh", "-c", "dpkg-deb -f " + out + "/*.deb Package Depends").ok())
        .contains("Package: tidemark")
        .contains("java17-runtime-headless")
        .contains("fuse3");
  }

  private static Path only(Path directory) throws IOException {
    try (var inside = Files.list(directory)) {
      return inside.toList().get(0);
    }
  }

  @Test
  void systemdIsToldWhenTheMountIsThereAndWhenTheNodeEnds() throws IOException {
    Requirements.programs("systemd-notify", Settings.python());
    // Not in the workbench: the path of a socket has 107 bytes at most (unix(7)).
    Path directory = Files.createTempDirectory("tidemark-notify");
    Path socket = directory.resolve("s");
    Process listener =
        new ProcessBuilder(
                Settings.python(),
                Settings.script("notify_listener.py").toString(),
                socket.toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    try (BufferedReader said =
        new BufferedReader(
            new InputStreamReader(listener.getInputStream(), StandardCharsets.UTF_8))) {
      assertThat(said.readLine()).isEqualTo("listening");
      TidemarkProcess node =
          bench.tidemark("node").environment("NOTIFY_SOCKET", socket.toString()).start();
      assertThat(said.readLine()).contains("READY=1", "STATUS=primary", "MAINPID=" + node.pid());
      assertThat(Mounts.isFuse(node.mount())).isTrue();
      node.terminate();
      List<String> rest = new ArrayList<>();
      while (rest.stream().noneMatch(line -> line.contains("STOPPING=1"))) {
        rest.add(said.readLine());
        assertThat(rest).hasSizeLessThan(10).doesNotContainNull();
      }
    } finally {
      listener.destroyForcibly();
      Files.deleteIfExists(socket);
      Files.delete(directory);
    }
  }
}
