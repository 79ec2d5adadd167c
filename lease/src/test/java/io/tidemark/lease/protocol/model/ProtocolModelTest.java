package io.tidemark.lease.protocol.model;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ProtocolModelTest {
  @Test
  void tryOut() {
    Bounds b = Bounds.named("failover").history(2, 3, 4);
    ClusterModel model = new ClusterModel(b, new Rules());
    long t = System.nanoTime();
    Search.Result result = new Search(model, 3_000_000, 200).run();
    System.out.println(result + " " + (System.nanoTime() - t) / 1000000 + " ms " + model.reached);
    if (result.trace() != null) {
      System.out.println(String.join("\n", result.trace()));
    }
    assertThat(result.trace()).isNull();
  }
}
