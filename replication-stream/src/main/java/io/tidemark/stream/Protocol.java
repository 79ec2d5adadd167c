package io.tidemark.stream;

import io.tidemark.stream.ProtocolException.Kind;

/** Constants of the protocol; PROTOCOL.md gives the reasons. */
public final class Protocol {
  /** The version that this program speaks. */
  public static final int VERSION = 1;

  /** What an HTTP connection is upgraded to. */
  public static final String NAME = "tidemark/1";

  /** Where the HTTP port offers it. */
  public static final String PATH = "/stream";

  /** Bytes before the payload: length, type, flags, reserved. */
  public static final int HEADER = 8;

  /** Bytes after the payload: CRC-32C. */
  public static final int TRAILER = 4;

  /** Most bytes of a record or of pages in one frame, before compression. */
  public static final int MAX_DATA = 256 * 1024;

  /** Most bytes of a text for people, in UTF-8. */
  public static final int MAX_TEXT = 1024;

  /** Most bytes of the URL that a node advertises. */
  public static final int MAX_URL = 1024;

  /** Most bytes of a database name: on disk no name is longer. */
  public static final int MAX_NAME = 255;

  /** Most page checksums in one frame. */
  public static final int MAX_SUMS = MAX_DATA / Long.BYTES;

  private Protocol() {}

  /**
   * @throws ProtocolException with both versions, when the peer speaks another one
   */
  static void checkVersion(FrameType type, int version) {
    if (version != VERSION) {
      throw new ProtocolException(
          Kind.VERSION,
          type
              + ": the peer speaks version "
              + version
              + " of the replication protocol, this program speaks version "
              + VERSION
              + (version > VERSION
                  ? "; upgrade this node to the version of its peer"
                  : "; upgrade the peer to the version of this node"));
    }
  }
}
