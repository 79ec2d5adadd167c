package io.tidemark.node.run;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * How long this process has run, or has run since a launcher that did other work before gave the
 * uptime in the system property {@value #STARTED}, to a hundredth of a second. The JDK's start
 * instant is off by up to a second, because it adds ticks to a boot time in whole seconds.
 */
final class ProcessAge {
  private static final int TICKS_PER_SECOND = 100;

  /** Seconds of /proc/uptime at which the launcher was done with everything else. */
  private static final String STARTED = "tidemark.started";

  private ProcessAge() {}

  /** Milliseconds since the start of this process, -1 when /proc does not tell. */
  static long millis() {
    try {
      String started = System.getProperty(STARTED);
      if (started != null) {
        return Math.round(1000 * (uptimeSeconds() - Double.parseDouble(started)));
      }
      return millis(
          Files.readString(Path.of("/proc/self/stat")), Files.readString(Path.of("/proc/uptime")));
    } catch (IOException | NumberFormatException e) {
      return -1;
    }
  }

  private static double uptimeSeconds() throws IOException {
    return Double.parseDouble(Files.readString(Path.of("/proc/uptime")).split(" ")[0]);
  }

  /** From field 22 of stat, ticks from boot to start, and the first of uptime, seconds. */
  static long millis(String stat, String uptime) {
    String[] afterName = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
    long startTicks = Long.parseLong(afterName[19]);
    double now = Double.parseDouble(uptime.split(" ")[0]);
    return Math.round(now * 1000 - startTicks * 1000.0 / TICKS_PER_SECOND);
  }
}
