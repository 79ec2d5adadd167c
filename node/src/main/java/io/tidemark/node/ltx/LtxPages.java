package io.tidemark.node.ltx;

import io.tidemark.ltx.LtxDecoder;
import io.tidemark.ltx.LtxException;
import io.tidemark.ltx.LtxHeader;
import io.tidemark.ltx.LtxTrailer;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;

/** Walks the pages of one LTX file. */
public final class LtxPages {
  private LtxPages() {}

  /** Receives a page. */
  public interface Visitor {
    void page(long number, long checksum, ByteBuffer content) throws IOException;
  }

  /** How many pages a file has, and its trailer. */
  public record Count(long pages, LtxTrailer trailer) {}

  /** Counts the pages, without decoding them where the form of the file tells their number. */
  public static Count count(LtxEntry entry) throws IOException {
    if (entry.header().isLz4()) {
      long[] pages = {0};
      LtxTrailer trailer = walk(entry, (number, checksum, content) -> pages[0]++);
      return new Count(pages[0], trailer);
    }
    long frames = entry.length() - LtxHeader.SIZE - 4 - LtxTrailer.SIZE;
    return new Count(frames / (4 + entry.header().pageSize()), entry.trailer());
  }

  /**
   * Visits every page.
   *
   * @return the verified trailer
   * @throws IOException with the place in its message when the file is damaged
   */
  public static LtxTrailer walk(LtxEntry entry, Visitor visitor) throws IOException {
    ByteBuffer page = ByteBuffer.allocate(entry.header().pageSize());
    try (InputStream in = entry.opener().open()) {
      LtxDecoder decoder = LtxDecoder.of(in);
      while (decoder.nextPage(page.clear())) {
        visitor.page(decoder.pageNumber(), decoder.pageChecksum(), page.flip());
      }
      return decoder.trailer();
    } catch (LtxException | EOFException e) {
      throw new LtxVerifier.DamageException(entry.place(), e.getMessage());
    }
  }
}
