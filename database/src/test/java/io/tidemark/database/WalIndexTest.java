package io.tidemark.database;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WalIndexTest {
  @ParameterizedTest
  @ValueSource(ints = {512, 4096, 65536})
  void theIndexOfAnEmptyWalIsOneThatSqliteNeedsNotRecover(int pageSize) {
    ByteBuffer block = WalIndex.ofEmptyWal(pageSize, 77).order(ByteOrder.nativeOrder());
    assertThat(block.remaining()).isEqualTo(WalIndex.BLOCK);
    WalIndex.Header header = WalIndex.decode(block);
    assertThat(header.pageSize()).isEqualTo(pageSize);
    assertThat(header.pageCount()).isEqualTo(77);
    assertThat(header.maxFrame()).isZero();
    assertThat(block.getInt(WalIndex.BACKFILL)).isZero();
    assertThat(block.getInt(WalIndex.READ_MARKS)).isZero();
    for (int i = 1; i < WalIndex.READERS; i++) {
      assertThat(block.getInt(WalIndex.READ_MARKS + 4 * i)).isEqualTo(WalIndex.NOT_USED);
    }
  }
}
