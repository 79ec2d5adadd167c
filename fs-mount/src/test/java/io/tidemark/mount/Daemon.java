package io.tidemark.mount;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/** A {@link DaemonMain} in a process of its own. */
final class Daemon implements AutoCloseable {
  private final Process process;
  private final Path mountPoint;
  private final BufferedReader out;

  Daemon(Path dataDir, Path mountPoint, String faultPoint) throws IOException {
    this.mountPoint = mountPoint;
    process =
        new ProcessBuilder(
                Client.java(
                    DaemonMain.class,
                    dataDir.toString(),
                    mountPoint.toString(),
                    "true",
                    faultPoint))
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    out = process.inputReader(StandardCharsets.UTF_8);
    assertThat(out.readLine()).isEqualTo("mounted");
  }

  /** From now on the fault point kills. */
  void arm() throws IOException {
    process.getOutputStream().write('f');
    process.getOutputStream().flush();
    assertThat(out.readLine()).isEqualTo("armed");
  }

  void kill() {
    process.destroyForcibly();
  }

  /** The process is gone altogether, and so is its mount. */
  void awaitEnd() throws InterruptedException {
    assertThat(process.waitFor(15, TimeUnit.SECONDS)).as("the daemon's end").isTrue();
    Await.until("the mount is gone", () -> !isMounted());
  }

  boolean isMounted() throws IOException {
    return Files.readString(Path.of("/proc/self/mountinfo")).contains(" " + mountPoint + " ");
  }

  /** Ends the daemon in good order. */
  void stop() throws IOException, InterruptedException {
    process.getOutputStream().close();
    assertThat(process.waitFor(20, TimeUnit.SECONDS)).as("the daemon's end").isTrue();
    assertThat(process.exitValue()).isZero();
  }

  @Override
  public void close() {
    process.destroyForcibly();
    Shell.sh("umount -l \"$1\" 2>/dev/null", mountPoint);
  }
}
