package io.tidemark.database;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.locks.ReentrantLock;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Segments that are made ahead, against those that have to be made at once. */
class SegmentFilesTest {
  @TempDir Path directory;

  private final Queue<Runnable> background = new ArrayDeque<>();

  private SegmentFiles files() {
    return new SegmentFiles(new FileDisk(), directory, "a", new ReentrantLock(), background::add);
  }

  private long segmentsOnDisk() throws Exception {
    try (var files = Files.list(directory)) {
      return files.count();
    }
  }

  @Test
  void aSegmentThatWasPutBackStaysTheNextOneAndTheOneMadeMeanwhileGoes() throws Exception {
    SegmentFiles files = files();
    files.prepareNext();
    LogSegment atOnce = files.create(0);
    files.putBack(atOnce);
    background.remove().run();
    assertThat(files.takePrepared()).isSameAs(atOnce);
    assertThat(files.takePrepared()).isNull();
    files.deleteVoided();
    assertThat(segmentsOnDisk()).isEqualTo(1);
    atOnce.closeFile();
  }

  @Test
  void aSegmentThatIsReadyAfterTheLogWasClosedIsNotKeptOpen() throws Exception {
    SegmentFiles files = files();
    files.prepareNext();
    files.close();
    background.remove().run();
    assertThat(files.takePrepared()).isNull();
  }

  @Test
  void withoutABackgroundNothingIsMadeAheadAndNothingFails() {
    SegmentFiles files =
        new SegmentFiles(
            new FileDisk(),
            directory,
            "a",
            new ReentrantLock(),
            task -> {
              throw new RejectedExecutionException();
            });
    files.prepareNext();
    assertThat(files.takePrepared()).isNull();
  }
}
