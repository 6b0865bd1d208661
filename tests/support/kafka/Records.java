// Records by Apache Kafka's own clients, as programs in Java send and read them.
//
//   send BROKERS TOPIC [CODEC] of each line KEY, PARTITION or -, VALUE in base64, by tabs; - leaves the partition to
//                              the default partitioner, and the record without a value. Prints partition and offset of each, by a tab.
//   commit BROKERS TOPIC GROUP of each line PARTITION, OFFSET, METADATA, by tabs, as what the group has committed.
//   read BROKERS TOPIC COUNT   prints of each record partition, offset, key, headers (NAME=VALUE by commas) and value in
//                              base64, by tabs.
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

public class Records {
  public static void main(String[] args) throws Exception {
    if (args[0].equals("send")) send(args[1], args[2], args.length > 3 ? args[3] : "none");
    else if (args[0].equals("commit")) commit(args[1], args[2], args[3]);
    else read(args[1], args[2], Integer.parseInt(args[3]));
  }

  private static void send(String brokers, String topic, String codec) throws Exception {
    Map<String, Object> config = Map.of("bootstrap.servers", brokers, "compression.type", codec);
    var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    try (var producer = new KafkaProducer<>(config, new StringSerializer(), new ByteArraySerializer())) {
      for (String line; (line = lines.readLine()) != null; ) {
        String[] parts = line.split("\t", -1);
        Integer partition = parts[1].equals("-") ? null : Integer.valueOf(parts[1]);
        byte[] value = parts[2].equals("-") ? null : Base64.getDecoder().decode(parts[2]);
        var sent = producer.send(new ProducerRecord<>(topic, partition, parts[0], value)).get();
        System.out.println(sent.partition() + "\t" + sent.offset());
      }
    }
  }

  private static void commit(String brokers, String topic, String group) throws Exception {
    Map<String, Object> config = Map.of("bootstrap.servers", brokers, "group.id", group);
    var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    var offsets = new HashMap<TopicPartition, OffsetAndMetadata>();
    for (String line; (line = lines.readLine()) != null; ) {
      String[] parts = line.split("\t", -1);
      var partition = new TopicPartition(topic, Integer.parseInt(parts[0]));
      offsets.put(partition, new OffsetAndMetadata(Long.parseLong(parts[1]), parts[2]));
    }
    try (var consumer = new KafkaConsumer<>(config, new StringDeserializer(), new ByteArrayDeserializer())) {
      consumer.commitSync(offsets);
    }
  }

  private static void read(String brokers, String topic, int count) {
    Map<String, Object> config = Map.of("bootstrap.servers", brokers, "auto.offset.reset", "earliest");
    try (var consumer = new KafkaConsumer<>(config, new StringDeserializer(), new ByteArrayDeserializer())) {
      var partitions = new ArrayList<TopicPartition>();
      for (var info : consumer.partitionsFor(topic)) partitions.add(new TopicPartition(topic, info.partition()));
      consumer.assign(partitions);
      for (int left = count; left > 0; ) {
        for (ConsumerRecord<String, byte[]> record : consumer.poll(Duration.ofSeconds(1))) {
          System.out.println(line(record));
          left--;
        }
      }
    }
  }

  private static String line(ConsumerRecord<String, byte[]> record) {
    var headers = new ArrayList<String>();
    for (var header : record.headers())
      headers.add(header.key() + "=" + new String(header.value(), StandardCharsets.UTF_8));
    String value = record.value() == null ? "" : Base64.getEncoder().encodeToString(record.value());
    return String.join(
        "\t",
        String.valueOf(record.partition()),
        String.valueOf(record.offset()),
        record.key(),
        String.join(",", headers),
        value);
  }
}
