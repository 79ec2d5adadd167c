package io.tidemark.lease.fixed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidemark.lease.Acquisition;
import io.tidemark.lease.BootClock;
import io.tidemark.lease.Lease;
import io.tidemark.lease.LeaseStoreException;
import io.tidemark.lease.Leaser;
import io.tidemark.lease.LeaserConformance;
import io.tidemark.lease.LeaserTestBed;
import io.tidemark.lease.ManualClock;
import io.tidemark.lease.Owner;
import io.tidemark.lease.support.DurableFile;
import io.tidemark.lease.support.UnsureWriteException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The contract, on a file that several clients share as restarted processes would. */
class StaticLeaserTest extends LeaserConformance {
  @TempDir Path dir;

  @Override
  protected LeaserTestBed newBed() throws Exception {
    return new Bed(Files.createDirectory(dir.resolve("data")));
  }

  @Test
  void theFileOfAnotherProgramIsNotTakenForARecord() throws Exception {
    Path file = dir.resolve("primary.json");
    Files.writeString(file, "[]");

    assertThatThrownBy(() -> new StaticLeaser(file, new ManualClock()).read())
        .isInstanceOf(LeaseStoreException.class);
  }

  @Test
  void theLockIsFreeWhenTheProcessHasEnded() throws Exception {
    Path lock = dir.resolve("lock");
    String program =
        "import java.nio.channels.*;import java.nio.file.*;public class Holder{public static void"
            + " main(String[] a)throws Exception{FileChannel c=FileChannel.open(Path.of(a[0]),"
            + "StandardOpenOption.CREATE,StandardOpenOption.WRITE);c.lock();"
            + "System.out.println(\"held\");System.in.read();}}";
    Path source = Files.writeString(dir.resolve("Holder.java"), program);
    Path java = Path.of(System.getProperty("java.home"), "bin", "java");
    Process holder =
        new ProcessBuilder(java.toString(), source.toString(), lock.toString()).start();
    try {
      assertThat(holder.inputReader().readLine()).isEqualTo("held");
      assertThat(ProcessLock.isTaken(lock)).isTrue();
    } finally {
      holder.destroyForcibly().waitFor();
    }
    assertThat(ProcessLock.isTaken(lock)).isFalse();
  }

  @Test
  void aNodeThatIsNotThePrimaryKnowsWhoIsAndAcquiresNothing() {
    try (ConfiguredPrimary leaser = new ConfiguredPrimary("one", "http://one:20202")) {
      Owner primary = leaser.read().owner().orElseThrow();
      assertThat(primary.advertiseUrl()).isEqualTo("http://one:20202");
      assertThat(leaser.acquire(leaser.read(), "no", new Owner("two", "2", "http://two")))
          .isEqualTo(new Acquisition.HeldBy(primary));
    }
  }

  /** A file whose replacement can lose its confirmation. */
  private static final class LossyFile extends DurableFile {
    private volatile LeaserTestBed.Loss loss = LeaserTestBed.Loss.NOTHING;

    LossyFile(Path path) {
      super(path);
    }

    @Override
    public void replace(String text) throws IOException {
      if (loss != LeaserTestBed.Loss.REQUEST) {
        super.replace(text);
      }
      if (loss != LeaserTestBed.Loss.NOTHING) {
        throw new UnsureWriteException(new IOException("a test's disk"));
      }
    }
  }

  private static final class Bed implements LeaserTestBed {
    private final ManualClock clock = new ManualClock();
    private final Path data;
    private final LossyFile file;
    private final List<Lease> leases = new CopyOnWriteArrayList<>();

    Bed(Path data) {
      this.data = data;
      file = new LossyFile(data.resolve("primary.json"));
    }

    @Override
    public Leaser newLeaser() {
      return new StaticLeaser(file, clock, leases::add);
    }

    @Override
    public BootClock clock() {
      return clock;
    }

    /** The process of the holder ends. */
    @Override
    public void awaitExpiry(Lease lease, Leaser observer) {
      ((StaticLeaser.FileLease) lease).abandon();
    }

    @Override
    public void lose(Loss loss) {
      file.loss = loss;
    }

    @Override
    public void deliverLate() {
      throw new UnsupportedOperationException();
    }

    @Override
    public boolean requestsTravel() {
      return false;
    }

    @Override
    public void takeAway() throws IOException {
      Files.move(data, data.resolveSibling("away"));
    }

    @Override
    public void bringBack() throws IOException {
      Files.move(data.resolveSibling("away"), data);
    }

    @Override
    public void deleteRecord() throws IOException {
      Files.delete(file.path());
    }

    @Override
    public void deleteOwnership() {
      leases.forEach(lease -> awaitExpiry(lease, null));
    }

    @Override
    public boolean givesHints() {
      return false;
    }

    @Override
    public boolean endsByTime() {
      return false;
    }

    @Override
    public boolean recordIsApart() {
      return false;
    }

    @Override
    public void close() {
      deleteOwnership();
    }
  }
}
