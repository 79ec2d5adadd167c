package io.tidemark.it;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Power loss: the data directory lies on a small ext4 of its own, which is shut down under load
 * without writing anything more, as if the machine had lost its power. What was acknowledged with
 * {@code synchronous=FULL} must be there after the next start.
 */
class PowerLossTest {
  @RegisterExtension final Workbench bench = new Workbench();

  @BeforeEach
  void needsAMountAndLoopDevices() {
    Requirements.mount();
    Requirements.loopDevices();
    Requirements.programs(Settings.python());
  }

  @ParameterizedTest
  @EnumSource
  void whatWasAcknowledgedSurvivesPowerLoss(CrashRounds.Mode mode) throws IOException {
    long seed = Settings.seed("power loss, " + mode);
    LoopDisk disk =
        bench.closing(LoopDisk.create(bench.scratch("disk.img"), bench.scratch("disk")));
    disk.mount();
    Path data = disk.mountPoint().resolve("data");
    TidemarkProcess tidemark = bench.tidemark("node", data);
    if (tidemark.plain()) {
      // Proves the harness: SQLite itself on the disk that loses its power.
      tidemark =
          new TidemarkProcess(
              "plain", disk.mountPoint().resolve("db"), data, bench.scratch("logs"));
    }
    TidemarkProcess node = tidemark;
    node.start();
    CrashRounds rounds = new CrashRounds(bench, node, mode, seed);
    rounds.newDatabases();
    for (int i = 0; i < Integer.getInteger("tidemark.it.powerlosses", 1); i++) {
      int acknowledgements = 10 + Math.floorMod((int) seed * 31 + i * 17, 60);
      rounds.load(
          workers -> {
            CrashRounds.awaitAcknowledgements(workers, acknowledgements);
            disk.losePower();
            node.kill();
          });
      disk.unmount();
      disk.mount();
      node.start();
      rounds.check();
    }
    // The disk can only be unmounted when the program is gone.
    node.close();
  }
}
