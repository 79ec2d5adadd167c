package io.tidemark.stream;

import io.netty.buffer.ByteBuf;
import io.tidemark.ltx.Txid;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import net.jpountz.lz4.LZ4Compressor;
import net.jpountz.lz4.LZ4Factory;

/** Writes the fields of one payload in order and collects its flags. */
final class PayloadWriter {
  /** Below this a compressed block saves less than its handling costs. */
  private static final int WORTH_COMPRESSING = 256;

  private static final LZ4Compressor LZ4 = LZ4Factory.fastestInstance().fastCompressor();

  private final ByteBuf out;
  private final boolean compress;
  private int flags;

  /**
   * @param compress try LZ4 on data
   */
  PayloadWriter(ByteBuf out, boolean compress) {
    this.out = out;
    this.compress = compress;
  }

  int flags() {
    return flags;
  }

  PayloadWriter flag(int bit, boolean set) {
    if (set) {
      flags |= bit;
    }
    return this;
  }

  PayloadWriter u8(int value) {
    out.writeByte(value);
    return this;
  }

  PayloadWriter u16(int value) {
    out.writeShort(value);
    return this;
  }

  PayloadWriter u32(long value) {
    out.writeInt((int) value);
    return this;
  }

  PayloadWriter u64(long value) {
    out.writeLong(value);
    return this;
  }

  PayloadWriter id(Id value) {
    return u64(value.value());
  }

  PayloadWriter txid(Txid value) {
    return u64(value.value());
  }

  PayloadWriter position(Position value) {
    return u64(value.epoch()).txid(value.txid()).u64(value.checksum().value());
  }

  PayloadWriter text(String value) {
    byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
    out.writeShort(bytes.length).writeBytes(bytes);
    return this;
  }

  /** Writes bytes as they are. */
  void rest(ByteBuffer bytes) {
    out.writeBytes(bytes);
  }

  /**
   * Writes bytes, compressed and with the flag {@code lz4Bit} if that is wanted and makes them
   * shorter.
   */
  void data(ByteBuffer bytes, int lz4Bit) {
    int length = bytes.remaining();
    if (compress && length >= WORTH_COMPRESSING) {
      byte[] plain = new byte[length];
      bytes.get(bytes.position(), plain);
      // Room for what is worth sending and no more: the compressor gives up when it is full.
      byte[] block = new byte[length - Integer.BYTES - 1];
      int compressed = compressInto(plain, block);
      if (compressed > 0) {
        flag(lz4Bit, true).u32(length);
        out.writeBytes(block, 0, compressed);
        return;
      }
    }
    out.writeBytes(bytes);
  }

  /**
   * @return bytes of the block, or 0 if it does not fit
   */
  private static int compressInto(byte[] plain, byte[] block) {
    try {
      return LZ4.compress(plain, 0, plain.length, block, 0, block.length);
    } catch (net.jpountz.lz4.LZ4Exception e) {
      return 0;
    }
  }
}
