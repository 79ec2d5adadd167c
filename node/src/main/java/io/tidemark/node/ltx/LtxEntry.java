package io.tidemark.node.ltx;

import io.tidemark.ltx.LtxHeader;
import io.tidemark.ltx.LtxTrailer;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;

/**
 * One LTX file, alone on disk or inside a log.
 *
 * @param place where it is, for messages
 * @param epoch epoch of the log record; 0 for a file, which does not know it
 * @param length bytes of the LTX file
 * @param opener gives its bytes; once, and only until the next entry is asked for
 */
public record LtxEntry(String place, long epoch, long length, LtxHeader header, Opener opener) {
  /** Opens the bytes of an LTX file. */
  @FunctionalInterface
  public interface Opener {
    InputStream open() throws IOException;
  }

  /** The trailer as it is stored; nothing before it is checked. */
  LtxTrailer trailer() throws IOException {
    try (InputStream in = opener.open()) {
      in.skipNBytes(length - LtxTrailer.SIZE);
      return LtxTrailer.decode(ByteBuffer.wrap(in.readNBytes(LtxTrailer.SIZE)));
    }
  }
}
