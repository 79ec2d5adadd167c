package io.tidemark.mount;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidemark.mount.fuse.KernelCache;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Writes as the kernel sends them; what is given is recorded. */
class WalPagesTest {
  private static final int PAGE = 4096;
  private static final int BATCH = 64 << 10;

  private final List<Long> given = new ArrayList<>();
  private final WalPages pages = new WalPages();
  private long fileSize = Long.MAX_VALUE;

  private final KernelCache recorder =
      new KernelCache() {
        @Override
        public void invalidate(long node, long offset, long length) {
          throw new AssertionError();
        }

        @Override
        public void invalidateAttributes(long node) {
          throw new AssertionError();
        }

        @Override
        public void invalidateEntry(long parent, String name) {
          throw new AssertionError();
        }

        @Override
        public boolean holdsWhatIsStored() {
          return true;
        }

        @Override
        public void store(long node, long offset, ByteBuffer data) {
          assertThat(node).isEqualTo(7);
          assertThat(data.remaining()).isEqualTo(BATCH);
          while (data.hasRemaining()) {
            assertThat(data.get()).isEqualTo(byteAt(offset + data.position() - 1));
          }
          given.add(offset);
        }
      };

  private static byte byteAt(long offset) {
    return (byte) (offset * 31 + offset / PAGE);
  }

  private int read(ByteBuffer dst, long offset) {
    int n = 0;
    while (dst.hasRemaining() && offset + n < fileSize) {
      dst.put(byteAt(offset + n));
      n++;
    }
    return n;
  }

  private void write(long offset, int length) throws IOException {
    if (pages.wrote(offset, length, false)) {
      pages.give(recorder, 7, this::read, offset);
    }
  }

  /** Frames of one page; the kernel holds no whole page and splits each. */
  private void splitFrames(long from, long to) throws IOException {
    for (long frame = from; frame < to; frame += PAGE + 24) {
      write(frame, 24);
      long page = frame + 24;
      long boundary = page / PAGE * PAGE + PAGE;
      write(page, (int) (boundary - page));
      write(boundary, (int) (page + PAGE - boundary));
    }
  }

  private void wholeFrames(long from, long to) throws IOException {
    for (long frame = from; frame < to; frame += PAGE + 24) {
      write(frame, 24);
      write(frame + 24, PAGE);
    }
  }

  @Test
  void firstPassGivesEachBatchOnceAndOnlyBelowThePageBeingWritten() throws IOException {
    for (long frame = 32; frame < 10 * BATCH; frame += PAGE + 24) {
      splitFrames(frame, frame + 1);
      long end = frame + 24 + PAGE;
      assertThat(given).allSatisfy(offset -> assertThat(offset + BATCH).isLessThanOrEqualTo(end));
    }
    assertThat(given).doesNotHaveDuplicates().hasSizeBetween(9, 10).startsWith(0L, (long) BATCH);
  }

  @Test
  void nextPassOverWholePagesGivesNothing() throws IOException {
    splitFrames(32, 10 * BATCH);
    given.clear();
    wholeFrames(32, 9 * BATCH);
    assertThat(given).isEmpty();
  }

  @Test
  void splitsSeenAgainMakeItGiveAgainFromThere() throws IOException {
    splitFrames(32, 10 * BATCH);
    given.clear();
    wholeFrames(32, 4 * BATCH);
    assertThat(given).isEmpty();
    long first = 4L * BATCH + 32;
    splitFrames(first, 8 * BATCH);
    assertThat(given).containsExactly(4L * BATCH, 5L * BATCH, 6L * BATCH, 7L * BATCH);
  }

  @Test
  void writeThatEndsAtAPageByItselfIsNoHarm() throws IOException {
    write(0, BATCH);
    write(BATCH, 3 * BATCH);
    assertThat(given).containsExactly(0L);
    write(4 * BATCH, 32);
    assertThat(given).containsExactly(0L, (long) BATCH, 2L * BATCH, 3L * BATCH);
  }

  @Test
  void shortReadGivesNothing() throws IOException {
    fileSize = BATCH + 5;
    write(10 * BATCH, 100);
    assertThat(given).containsExactly(0L);
  }

  @Test
  void nothingIsGivenToAWalThatIsChangedThroughAMapping() throws IOException {
    assertThat(pages.wrote(20L * BATCH, PAGE, true)).isFalse();
    splitFrames(32, 4 * BATCH);
    assertThat(given).isEmpty();
  }
}
