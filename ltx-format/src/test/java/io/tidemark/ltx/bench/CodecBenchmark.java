package io.tidemark.ltx.bench;

import io.tidemark.ltx.Checksum;
import io.tidemark.ltx.Crc64;
import io.tidemark.ltx.LtxDecoder;
import io.tidemark.ltx.LtxEncoder;
import io.tidemark.ltx.LtxHeader;
import io.tidemark.ltx.LtxSource;
import io.tidemark.ltx.PageChecksums;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;

/**
 * What one commit costs in this module: checksums, encoding, decoding. Pages are half text-like and
 * half empty, as SQLite's often are.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class CodecBenchmark {

  private static final int PAGE_SIZE = 4096;
  private static final int DATABASE_PAGES = 1000;

  private static ByteBuffer page(boolean direct) {
    ByteBuffer page =
        direct ? ByteBuffer.allocateDirect(PAGE_SIZE) : ByteBuffer.allocate(PAGE_SIZE);
    Random random = new Random(5);
    for (int i = PAGE_SIZE / 2; i < PAGE_SIZE; i++) {
      page.put(i, (byte) ('a' + random.nextInt(16)));
    }
    return page;
  }

  /** CRC of one 4 KiB page; GB/s is 4.096 divided by the microseconds. */
  @State(Scope.Thread)
  public static class CrcState {
    @Param({"true", "false"})
    public boolean direct;

    private ByteBuffer page;

    @Setup
    public void setUp() {
      page = page(direct);
    }
  }

  @Benchmark
  public long crc4KiB(CrcState s) {
    return Crc64.update(0, s.page, 0, PAGE_SIZE);
  }

  @Benchmark
  public long combine(CrcState s) {
    return Crc64.Combiner.forLength(4 + PAGE_SIZE).combine(s.page.get(9), 1);
  }

  /** A commit of some pages into memory: page CRCs, frames, file checksum. */
  @State(Scope.Thread)
  public static class CommitState {
    @Param({"1", "3"})
    public int pages;

    @Param({"false", "true"})
    public boolean lz4;

    private final LtxEncoder encoder = new LtxEncoder();
    private final ByteBuffer file = ByteBuffer.allocateDirect(1 << 16);
    private final ByteBuffer target = ByteBuffer.allocateDirect(PAGE_SIZE);
    private ByteBuffer page;
    private LtxHeader header;
    private LtxDecoder decoder;

    @Setup
    public void setUp() throws IOException {
      page = page(true);
      header =
          LtxHeader.builder()
              .lz4(lz4)
              .pageSize(PAGE_SIZE)
              .commit(DATABASE_PAGES)
              .txid(7)
              .timestampMillis(1)
              .preApplyChecksum(Checksum.FLAG)
              .wal(32, 4120, 1, 2)
              .build();
      encode();
      decoder = new LtxDecoder(source());
    }

    private LtxSource source() {
      return LtxSource.of(file.duplicate().flip());
    }

    private long encode() throws IOException {
      file.clear();
      encoder.reset(header, file::put);
      for (int pgno = 1; pgno <= pages; pgno++) {
        encoder.pageWithCrc(pgno, page, PageChecksums.crcOfPage(pgno, page, 0, PAGE_SIZE));
      }
      return encoder.end(Checksum.FLAG);
    }

    private long decode() throws IOException {
      decoder.reset(source(), false);
      while (decoder.nextPage(target)) {
        target.clear();
      }
      return decoder.trailer().fileChecksum();
    }
  }

  @Benchmark
  public long encodeCommit(CommitState s) throws IOException {
    return s.encode();
  }

  @Benchmark
  public long decodeCommit(CommitState s) throws IOException {
    return s.decode();
  }

  /** Runs all benchmarks, or those that match the first argument. */
  public static void main(String[] args) throws RunnerException {
    new Runner(
            new OptionsBuilder()
                .include(args.length > 0 ? args[0] : CodecBenchmark.class.getSimpleName())
                .build())
        .run();
  }
}
