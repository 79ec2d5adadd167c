package io.tidemark.node.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Durations, sizes, addresses, command lines and names as people write them. */
class TextFormsTest {
  @ParameterizedTest
  @CsvSource({
    "10m, PT10M",
    "1s, PT1S",
    "500ms, PT0.5S",
    "1h30m, PT1H30M",
    "1.5s, PT1.5S",
    "0, PT0S",
    "0s, PT0S",
    "2d, PT48H",
    "-1s, PT-1S",
    "100us, PT0.0001S",
    "7ns, PT0.000000007S"
  })
  void durationsHaveUnits(String text, Duration duration) {
    assertThat(DurationText.parse(text)).isEqualTo(duration);
    assertThat(DurationText.parse(DurationText.format(duration))).isEqualTo(duration);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "10", "m", "10 m", "10x", "1s2", "ms10", "9999999999999h"})
  void otherTextIsNoDuration(String text) {
    assertThatThrownBy(() -> DurationText.parse(text)).isInstanceOf(IllegalArgumentException.class);
  }

  @ParameterizedTest
  @CsvSource({
    "64MB, 64000000",
    "64MiB, 67108864",
    "1GiB, 1073741824",
    "4096, 4096",
    "0, 0",
    "1.5KiB, 1536",
    "1 gb, 1000000000",
    "7b, 7"
  })
  void sizesHaveDecimalAndBinaryUnits(String text, long bytes) {
    assertThat(SizeText.parse(text)).isEqualTo(bytes);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "MB", "-1", "1XB", "1e6", "99999999999TiB"})
  void otherTextIsNoSize(String text) {
    assertThatThrownBy(() -> SizeText.parse(text)).isInstanceOf(IllegalArgumentException.class);
  }

  @ParameterizedTest
  @CsvSource({"0, 0 B", "1023, 1023 B", "1536, 1.5 KiB", "10485760, 10 MiB"})
  void sizesAreShownShort(long bytes, String text) {
    assertThat(SizeText.format(bytes)).isEqualTo(text);
  }

  @ParameterizedTest
  @CsvSource({
    "127.0.0.1:20202, 127.0.0.1, 20202, true",
    "localhost:1, localhost, 1, true",
    "[::1]:80, ::1, 80, true",
    ":20202, '', 20202, false",
    "0.0.0.0:1, 0.0.0.0, 1, false",
    "[::]:1, ::, 1, false",
    "127.0.0.1.example.org:1, 127.0.0.1.example.org, 1, false",
  })
  void addressesSayWhoCanConnect(String text, String host, int port, boolean loopback) {
    HostPort parsed = HostPort.parse(text);
    assertThat(parsed).isEqualTo(new HostPort(host, port));
    assertThat(parsed.isLoopback()).isEqualTo(loopback);
    assertThat(parsed).hasToString(text);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "localhost", "host:", "host:x", "host:70000", "::1:80", "host:-1"})
  void otherTextIsNoAddress(String text) {
    assertThatThrownBy(() -> HostPort.parse(text)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void commandLinesAreSplitLikeAShellWould() {
    assertThat(ShellWords.split("  app -addr :80\t--x='a b' \"c \\\" d\" e\\ f '' "))
        .isEqualTo(List.of("app", "-addr", ":80", "--x=a b", "c \" d", "e f", ""));
    assertThat(ShellWords.split("a \"b\\n\" '$X'")).isEqualTo(List.of("a", "b\\n", "$X"));
    assertThat(ShellWords.split(" ")).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"a 'b", "a \"b", "a \\"})
  void unfinishedCommandLinesAreRefused(String line) {
    assertThatThrownBy(() -> ShellWords.split(line)).isInstanceOf(IllegalArgumentException.class);
  }

  @ParameterizedTest
  @CsvSource({"abc, abc, 0", "abc, acb, 1", "abc, ab, 1", "'', abc, 3", "fuse.dri, fuse.dir, 1"})
  void distanceCountsEdits(String a, String b, int distance) {
    assertThat(NearestKey.distance(a, b)).isEqualTo(distance);
  }
}
