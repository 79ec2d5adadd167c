package io.tidemark.node.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.mount.fuse.MountOptions;
import io.tidemark.mount.fuse.MountOptions.Transport;
import io.tidemark.node.config.NodeConfig;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** How the configuration becomes options of the mount. */
class NodeMountTest {
  private static MountOptions options(int readers, Duration spin, List<Integer> cpus) {
    return NodeMount.options(
        new NodeConfig.Fuse(
            Path.of("/mnt/x"), true, "libfuse", Duration.ofSeconds(10), readers, spin, cpus, false),
        true);
  }

  @Test
  void everythingIsPassedOn() {
    MountOptions options = options(3, Duration.ofNanos(50_000), List.of(0, 2));
    assertThat(options.mountPoint()).isEqualTo(Path.of("/mnt/x"));
    assertThat(options.allowOther()).isTrue();
    assertThat(options.transport()).isEqualTo(Transport.LIBFUSE);
    assertThat(options.leaders()).isEqualTo(3);
    assertThat(options.spinMicros()).isEqualTo(50);
    assertThat(options.cpuAffinity()).containsExactly(0, 2);
    assertThat(options.shareCpu()).isFalse();
    assertThat(options.logRequests()).isTrue();
  }

  @Test
  void theMountChoosesWhatIsNotSaid() {
    MountOptions options = options(0, null, List.of());
    assertThat(options.leaders()).isZero();
    assertThat(options.spinMicros()).isEqualTo(-1);
    assertThat(options.cpuAffinity()).isEmpty();
  }

  @Test
  void zeroMeansNoSpinning() {
    assertThat(options(0, Duration.ZERO, List.of()).spinMicros()).isZero();
  }
}
