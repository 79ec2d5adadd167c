package io.tidemark.node.run;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells systemd how far the node is, if it asks ({@code Type=notify}, sd_notify(3)). Java cannot
 * send to a datagram socket of the Unix domain, so the program systemd-notify does.
 */
final class SystemdNotify {
  private static final Logger LOG = LoggerFactory.getLogger(SystemdNotify.class);
  private static final String PROGRAM = "systemd-notify";
  private static final long PATIENCE_SECONDS = 10;

  private SystemdNotify() {}

  /** The mount is there: what is ordered after this service may start. */
  static void ready(String status) {
    tell("--ready", "--status=" + status);
  }

  /** The node has begun to end. */
  static void stopping() {
    tell("--status=stopping", "STOPPING=1");
  }

  private static void tell(String... words) {
    String socket = System.getenv("NOTIFY_SOCKET");
    if (socket == null || socket.isEmpty()) {
      return;
    }
    List<String> command =
        new ArrayList<>(List.of(PROGRAM, "--pid=" + ProcessHandle.current().pid()));
    command.addAll(List.of(words));
    try {
      Process process = new ProcessBuilder(command).inheritIO().start();
      if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        LOG.warn("{} did not end within {} s", PROGRAM, PATIENCE_SECONDS);
      }
    } catch (IOException e) {
      LOG.warn("cannot tell systemd: {}. Use Type=exec without {}.", e.getMessage(), PROGRAM);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
