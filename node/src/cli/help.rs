//! Help texts in both languages: English stands at the arguments, Chinese in the table here.
//!
//! A test finds every command and argument without a Chinese text.

use super::Cli;
use clap::{Arg, Command, CommandFactory};
use linli_types::code::Lang;

const ZH_TEMPLATE: &str = "{about}\n\n用法：{usage}\n\n{all-args}";

/// `command` or `command:argument`, and its text. A bare `:argument` holds for all commands.
const ZH: &[(&str, &str)] = &[
    ("linli", "邻里链：社区服务联盟账本的节点与工具。"),
    (":lang", "提示语言：zh 或 en；缺省由 LANG 决定。"),
    (":json", "以 JSON 输出结果。"),
    (":help", "显示本帮助。"),
    (":version", "显示版本。"),
    (":node", "节点的 gRPC 地址：https:// 须配合 --ca，http:// 仅限节点本机。"),
    (":ca", "PEM 格式的签发机构证书，节点证书须由其签发。"),
    (":key", "用于签名的密钥文件。"),
    (":genesis", "创世文件；密钥文件未写明所属链时必填。"),
    (":passphrase_file", "密钥口令所在文件，- 表示标准输入；开发密钥无需口令。"),
    (":data", "节点的数据目录。"),
    ("init", "用创世文件和两把密钥建立节点的数据目录。"),
    ("init:genesis", "创世文件。"),
    ("init:data", "要建立的目录。"),
    ("init:validator_key", "验证节点的共识密钥；会复制到目录中。"),
    ("init:network_key", "验证节点的网络密钥；会复制到目录中。"),
    ("init:listen", "接受其他节点连接的地址。"),
    ("init:grpc", "gRPC 监听地址。"),
    ("init:http", "/healthz 与 /metrics 监听地址。"),
    ("init:peers", "其他节点：创世文件中的名称与地址，可多次给出。"),
    ("init:name", "创世文件之外、由议案新增的验证节点的名称；此后随其他节点同步。"),
    ("run", "运行节点，直到收到停止信号。"),
    ("status", "查询节点的当前状态。"),
    ("check-db", "在不启动节点的情况下检查其数据库，不写入任何内容。"),
    ("replay", "从创世重新执行全部区块并比对状态根，不写入任何内容。"),
    ("replay:from", "从该高度之后的状态开始，可回溯至仍保存回退记录之处；0 为创世。"),
    ("replay:bundle", "最后执行此现场包中的区块；节点因区块违反定律而停止时写出。"),
    ("genesis", "查看创世文件。"),
    ("genesis show", "显示链编号、验证节点、主体与合约。"),
    ("genesis show:file", "创世文件。"),
    ("key", "生成与查看密钥。"),
    ("key new", "生成密钥并写入新文件。"),
    ("key new:file", "要写入的文件；绝不覆盖已有文件。"),
    ("key new:kind", "用途：validator、network、principal、receipt 或 vault。"),
    ("key new:principal", "密钥属于哪个主体：十六进制或 PR- 编号。"),
    ("key new:chain", "所属链，十六进制。"),
    ("key new:development", "生成开发密钥，打开时无需口令。"),
    ("key new:sm2", "生成 SM2 密钥，即机构的第二把密钥。"),
    ("key new:signer_id", "SM2 签名者标识，1 至 64 字节。"),
    ("key new:org", "SM2 密钥所属的机构。"),
    ("key show", "显示密钥文件的公开部分。"),
    ("key show:file", "密钥文件。"),
    ("key rotate", "为 --key 的主体登记新密钥，原密钥在重叠期后失效。"),
    ("key rotate:file", "新密钥写入的文件；绝不覆盖已有文件。"),
    ("key rotate:from_height", "新密钥自此区块起可用；缺省为下一区块。"),
    ("key rotate:until_height", "原密钥自此区块起失效；缺省由 --overlap 决定。"),
    ("key rotate:overlap", "两把密钥同时可用的区块数。"),
    ("key rotate:new_passphrase_file", "新密钥的口令文件；缺省与原密钥的保护方式相同。"),
    ("key revoke", "让主体的一把密钥失效。"),
    ("key revoke:public_key", "该密钥的公钥，十六进制。"),
    ("key revoke:from_height", "自此区块起失效；缺省为下一区块。"),
    ("key list", "列出账本上某主体的密钥。"),
    ("key list:principal", "主体，十六进制或 PR- 编号；缺省为密钥所属主体。"),
    ("key recover", "为遗失密钥者办理新密钥，须经等待期。"),
    ("key recover start", "发起恢复：按政策等待，期间本人可取消。"),
    ("key recover start:principal", "谁的密钥遗失，十六进制或 PR- 编号。"),
    ("key recover start:public_key", "新密钥的公钥，十六进制。"),
    ("key recover cancel", "取消恢复，不产生新密钥。"),
    ("key recover cancel:principal", "谁的密钥遗失，十六进制或 PR- 编号。"),
    ("key recover complete", "等待期满后完成：新密钥自下一区块起生效，其余密钥失效。"),
    ("key recover complete:principal", "谁的密钥遗失，十六进制或 PR- 编号。"),
    ("org", "准入与查询机构及其人员、设备。"),
    ("org admit", "准入机构。"),
    ("org admit:org", "机构编号，大于 0。"),
    ("org admit:kind", "机构类别，如 OPERATOR、STREET、BANK。"),
    ("org admit:label", "机构名称；不得含个人信息。"),
    ("org show", "查询机构。"),
    ("org show:org", "机构编号。"),
    ("org centre", "准入机构的服务中心。"),
    ("org centre:centre", "服务中心编号，大于 0。"),
    ("org centre:org", "运营该中心的机构。"),
    ("org centre:district", "所在区，GB/T 2260 六位代码。"),
    ("org centre:label", "中心名称；不得含个人信息。"),
    ("org person", "以随机假名登记人员，附首把密钥，不含角色。"),
    ("org person:principal", "假名，十六进制或 PR- 编号。"),
    ("org person:public_key", "首把密钥的公钥，十六进制。"),
    ("org person:org", "所属机构；0 表示无。"),
    ("org device", "登记机构的设备：只签署证据，不持有资产。"),
    ("org device:device", "设备编号，十六进制或 PR- 编号。"),
    ("org device:public_key", "设备密钥的公钥，十六进制。"),
    ("org device:org", "所属机构。"),
    ("org device:robot", "该设备是机器人。"),
    ("org sm2", "机构的第二把密钥，用于国密签名。"),
    ("org sm2 set", "为机构登记此密钥，原密钥自同一区块起停用。"),
    ("org sm2 set:org", "机构编号。"),
    ("org sm2 set:sm2_key", "机构的 SM2 密钥文件。"),
    ("org sm2 set:sm2_passphrase_file", "SM2 密钥的口令文件；开发密钥无需口令。"),
    ("org sm2 set:from_height", "自此区块起签名；缺省为下一区块。"),
    ("org sm2 retire", "停用机构的密钥。"),
    ("org sm2 retire:org", "机构编号。"),
    ("org sm2 retire:from_height", "自此区块起停用；缺省为下一区块。"),
    ("org sm2 list", "列出机构的密钥，并核对持有证明。"),
    ("org sm2 list:org", "机构编号。"),
    ("witness", "持续查看存证日志，并签名确认其历史从未改变。"),
    ("witness:node", "节点的 HTTP 地址（/checkpoint 所在）：http://… 或配合 --ca 的 https://…。"),
    ("witness:genesis", "创世文件：唯一的信任依据。"),
    ("witness:key", "见证者的密钥文件。"),
    ("witness:name", "见证者在便笺中的名称，如 court.example/1；不含空格与加号。"),
    ("witness:data", "见证者自己的目录：上次签署的状态、便笺、分叉证据。"),
    ("witness:once", "查看一次即结束；未给出 --every 时即如此。"),
    ("witness:every", "持续运行，每隔若干秒查看一次。"),
    ("org grant", "授予主体角色。"),
    ("org grant:principal", "谁的角色，十六进制或 PR- 编号。"),
    ("org grant:role", "角色，如 OPERATOR_RECORDER。"),
    ("org withdraw", "撤销主体角色。"),
    ("org withdraw:principal", "谁的角色，十六进制或 PR- 编号。"),
    ("org withdraw:role", "角色，如 OPERATOR_RECORDER。"),
    ("policy", "查询与设定受治理的参数与表。"),
    ("policy show", "查询现行版本，或某区块、某时间的版本。"),
    ("policy show:at_height", "以该高度区块为准。"),
    (
        "policy show:at_time",
        "以该时间为准：2027-01-01、2027-01-01T08:30:00（UTC+8）或 1970 年以来毫秒。",
    ),
    ("policy set", "以 JSON 文件设定下一版本。"),
    (
        "policy set:file",
        "JSON 文件，写明对上一版本的改动：params、calendar、negative、duties、weights。",
    ),
    ("policy set:effective_at", "生效时间，代替文件中的 effective_at_ms。"),
    ("policy set:base", "编写者所知的最新版本，代替文件中的 base。"),
    ("policy working-day", "某日之后第若干个工作日。"),
    ("policy working-day:from", "自该日起：2027-01-01 或时间。"),
    ("policy working-day:count", "之后第几个工作日；0 为当日或其后首个工作日。"),
    ("account opening", "由两人以源文件办理期初余额。"),
    ("account opening propose", "提交已存证源文件中的余额；不移动任何资产。"),
    ("account opening propose:file", "源文件：首行为列名的 CSV，或每行一个 JSON 对象。"),
    ("account opening propose:pack", "存证该文件所得的证据包，按 --genesis 核验。"),
    ("account opening propose:cut_off", "自此时间起不再批准或载入；最多 30 天后。"),
    ("account opening propose:batch", "批次编号，十六进制；缺省随机生成。"),
    ("account opening approve", "读取同一源文件后批准批次。"),
    ("account opening approve:file", "源文件：首行为列名的 CSV，或每行一个 JSON 对象。"),
    ("account opening approve:pack", "存证该文件所得的证据包，按 --genesis 核验。"),
    ("account opening approve:batch", "批次编号，十六进制。"),
    ("account opening load", "载入已批准批次的余额；已载入的不再重复。"),
    ("account opening load:file", "源文件：首行为列名的 CSV，或每行一个 JSON 对象。"),
    ("account opening load:batch", "批次编号，十六进制。"),
    ("account opening close", "结束已全部载入的批次。"),
    ("account opening close:batch", "批次编号，十六进制。"),
    ("account opening show", "查询批次。"),
    ("account opening show:batch", "批次编号，十六进制。"),
    ("call", "按接口定义调用任意模块的任意方法，并等待回执。"),
    ("call:room", "模块或合约。"),
    ("call:method", "方法。"),
    ("call:args", "JSON 参数；字节用十六进制或编号书写。"),
    ("query", "按接口定义查询模块，或读取账本条目。"),
    ("query:room", "模块或合约。"),
    ("query:query", "查询名；用 --entry 读取条目时省略。"),
    ("query:args", "JSON 参数；字节用十六进制或编号书写。"),
    ("query:entries", "条目的键，十六进制，可多次给出。"),
    ("query:proof", "把所读条目在最新高度的证明写入新文件。"),
    ("account", "查询余额与明细。"),
    ("account balance", "账户余额。"),
    ("account balance:account", "账户，十六进制或 AC- 编号。"),
    ("account balance:proof", "把余额的证明写入新文件，可用 linli verify 核验。"),
    ("account statement", "账户的全部明细，由远及近。"),
    ("account statement:account", "账户，十六进制或 AC- 编号。"),
    ("account statement:proof", "把完整明细的证明写入新文件，可用 linli verify 核验。"),
    ("contract", "合约代码：上传、查看与预演。"),
    ("contract stage", "检查合约模块并上传到账本，供议案按摘要引用。"),
    ("contract stage:file", "编译好的模块。"),
    ("contract show", "查看合约现行与历史代码。"),
    ("contract show:room", "合约。"),
    ("contract rehearsal", "查看各验证节点对某议案的预演报告。"),
    ("contract rehearsal:motion", "议案，十六进制或 MO- 编号。"),
    ("contract rehearse", "在已停止节点的数据上预演表决中的议案，不写入任何内容。"),
    ("contract rehearse:data", "节点数据目录。"),
    ("contract rehearse:motion", "议案，十六进制或 MO- 编号。"),
    ("motion", "理事会议案：提出、表决与查看。"),
    ("motion open", "提出议案。"),
    ("motion open:text", "议案内容与理由，至多 2 KiB；不得含个人信息。"),
    ("motion open:deed", "通过后由链执行的事项，按接口定义以 JSON 书写；省略时以文字为准。"),
    ("motion open:give_seat", "授予席位，如 residents=PR-…；议案须以特别多数通过。"),
    ("motion open:take_seat", "撤销席位，先于授予执行。"),
    (
        "motion open:absent",
        "因缺席而撤销：至截止仍未表态的被撤席位不计入；表决时长不少于最长时长的一半。",
    ),
    ("motion open:special", "须以三分之二特别多数通过，而非过半数。"),
    ("motion open:closes_in", "表决时长，如 90s、36h、7d。"),
    ("motion open:motion", "议案编号，32 位十六进制；重复提交同一议案时给出，否则随机生成。"),
    ("motion vote", "以本人席位表决，仅一次。"),
    ("motion vote:motion", "议案，十六进制或 MO- 编号。"),
    ("motion vote:yes", "yes 赞成，no 反对。"),
    ("motion recuse", "声明利害关系并回避：本席位不计入该议案。"),
    ("motion recuse:motion", "议案，十六进制或 MO- 编号。"),
    ("motion withdraw", "在表决期间撤回本人提出的议案。"),
    ("motion withdraw:motion", "议案，十六进制或 MO- 编号。"),
    ("motion decide", "某一界别无人可表决时，由区级裁定。"),
    ("motion decide:motion", "议案，十六进制或 MO- 编号。"),
    ("motion decide:yes", "yes 通过，no 否决。"),
    ("motion resign", "辞去本人席位。"),
    ("motion show", "查看议案、票数与状态。"),
    ("motion show:motion", "议案，十六进制或 MO- 编号。"),
    ("motion list", "按提出顺序列出议案。"),
    ("motion list:from", "起始编号。"),
    ("motion council", "查看各界别的权重与席位。"),
    ("access", "查看谁读取过谁的数据。"),
    ("access list", "列出所给各节点上他人对本人数据的每次读取，由远及近。"),
    ("access list:nodes", "节点的 gRPC 地址，可多次给出；各节点只记录自己的读取，请全部列出。"),
    ("evidence", "存证文件，以及管理已存证的内容。"),
    ("evidence anchor", "存证文件，每个文件写出一个证据包。"),
    ("evidence anchor:files", "要存证的文件。"),
    ("evidence anchor:out", "证据包目录：DIR/<文件名>.linli。"),
    ("evidence anchor:kind", "证据种类，如 FORM、PHOTO_SET；缺省按扩展名。"),
    ("evidence anchor:captured_at_ms", "采集时间（1970 年以来毫秒）；缺省取文件时间。"),
    ("evidence capture", "设备无网络时采集文件：签名、编号、排队。"),
    ("evidence capture:files", "一条记录的文件。"),
    ("evidence capture:device_key", "设备的密钥文件，其中写明设备与所属链。"),
    ("evidence capture:queue", "队列目录。"),
    ("evidence capture:source", "证据来源；缺省为设备本身。"),
    ("evidence capture:kind", "文件是什么，如 CHECK_IN、PHOTO_SET。"),
    ("evidence capture:class", "法定保存期：personal、10y、15y 或 30y。"),
    (
        "evidence capture:basis",
        "处理依据：consent、contract、legal-duty、emergency、public-interest、published 或 other-law。",
    ),
    ("evidence capture:order", "订单的假名编号。"),
    ("evidence capture:consent", "同意书编号，32 位十六进制。"),
    ("evidence capture:minors", "涉及未满十四周岁者，须给出 --consent。"),
    ("evidence capture:sensitive", "敏感个人信息，须给出 --consent。"),
    ("evidence capture:imported", "文件早于一天，按补录记录。"),
    ("evidence capture:again", "明知为同一文件，再次采集。"),
    ("evidence capture:first", "新队列的首个序号，须大于该来源已用的最高序号。"),
    ("evidence checkpoint", "显示最新区块，并在设备上记下已见到它。"),
    ("evidence checkpoint:queue", "队列目录。"),
    ("evidence checkpoint:save", "保存：此后采集的内容不早于该区块。"),
    ("evidence checkpoint:source", "队列使用谁的序号；缺省为密钥所属主体。"),
    ("evidence upload", "按顺序登记设备采集的记录；中断后重做即继续。"),
    ("evidence upload:queue", "队列目录。"),
    ("evidence receipt", "查看交易回执，并可连同证明写出。"),
    ("evidence receipt:transaction", "交易编号，十六进制。"),
    ("evidence receipt:out", "把回执及证明写入新文件。"),
    ("evidence receipt:cose", "把日志叶的 COSE 回执连同共识证书写入 --out。"),
    ("evidence receipt:leaf", "日志叶的序号。"),
    ("evidence receipt:number", "来源自己的序号。"),
    ("evidence receipt:source", "来源；缺省为密钥所属主体。"),
    ("evidence receipt:organisations", "希望由几家机构签署。"),
    ("evidence consistency", "证明较早的日志是较新日志的开头部分。"),
    ("evidence consistency:from", "较早日志的叶数。"),
    ("evidence consistency:to", "较新日志的叶数；缺省为当前日志。"),
    ("evidence consistency:out", "把长度、根与路径（RFC 9162）以 JSON 写入新文件。"),
    ("evidence pack", "为中断的存证补写证据包。"),
    ("evidence pack:pending", "中断的存证留下的 .pending 文件。"),
    ("evidence trace", "查看某来源某序号下的存证，或某订单的全部存证。"),
    ("evidence trace:number", "序号。"),
    ("evidence trace:source", "来源；缺省为密钥所属主体。"),
    ("evidence trace:order", "订单编号，十六进制：依次列出其全部存证。"),
    ("evidence gaps", "查看某来源的序号缺口。"),
    ("evidence gaps:source", "来源；缺省为密钥所属主体。"),
    ("evidence gaps:proof", "把该来源编号情况的证明写入新文件，可用 linli verify 核验。"),
    ("evidence ratio", "查询某来源在一段时间内的存证率与佐证率。"),
    ("evidence ratio:source", "来源；缺省为密钥所属主体。"),
    ("evidence ratio:from", "首日：2027-01-01（UTC+8）。"),
    ("evidence ratio:to", "末日，最多半年；缺省为首日。"),
    ("evidence taint", "查看依据某条存证的全部存证。"),
    ("evidence taint:number", "该存证的序号。"),
    ("evidence taint:source", "该存证的来源；缺省为密钥所属主体。"),
    ("evidence corroborate", "佐证其他来源的存证。"),
    ("evidence corroborate:number", "该存证的序号。"),
    ("evidence corroborate:source", "该存证的来源。"),
    ("evidence corroborate:evidence", "本方内容一致的存证的序号。"),
    ("evidence corroborate:device", "佐证所用设备；不得为采集该存证的设备。"),
    ("evidence supersede", "以同一来源的另一条存证替代某条存证。"),
    ("evidence supersede:number", "该存证的序号。"),
    ("evidence supersede:source", "该存证的来源；缺省为密钥所属主体。"),
    ("evidence supersede:by", "替代它的存证的序号。"),
    ("evidence supersede:reason", "理由代码。"),
    ("evidence challenge", "对某条存证提出异议。"),
    ("evidence challenge:number", "该存证的序号。"),
    ("evidence challenge:source", "该存证的来源。"),
    ("evidence challenge:reason", "理由代码，自 1 起。"),
    ("evidence resolve", "由仲裁员裁决有争议的存证。"),
    ("evidence resolve:number", "该存证的序号。"),
    ("evidence resolve:source", "该存证的来源。"),
    ("evidence resolve:outcome", "uphold 维持，invalidate 认定无效。"),
    ("evidence resolve:reason", "理由代码，自 1 起。"),
    ("vault", "把账本外的文件、清单与证据包加密保管，直至删除。"),
    (":vault", "保管库目录。"),
    (":vault_key", "保管库主密钥文件，用途为 vault；与密文分开存放。"),
    (":vault_passphrase_file", "主密钥口令所在文件。"),
    (":insecure_dev", "也接受其他机器上的 http:// 存储；仅限试验。"),
    (":who", "办理人：PR- 编号或账户名，不得含个人信息；记入访问日志。"),
    (":why", "事由，简短，不得含个人信息；记入访问日志。"),
    ("vault init", "建立保管库。"),
    ("vault put", "存入一条记录的文件；中断后重做即续传。"),
    ("vault put:record", "记录：EV- 编号或其声明的十六进制编号。"),
    ("vault put:class", "法定保存期：personal、10y、15y 或 30y。"),
    ("vault put:source", "证据来源，十六进制或 PR- 编号。"),
    ("vault put:number", "该来源的序号；删除时账本记在其下。"),
    ("vault put:subject", "涉及何人，以假名表示；本人可在日志中看到谁读取过。"),
    ("vault put:manifest", "含盐的清单。"),
    ("vault put:statement", "已签名的声明。"),
    ("vault put:pack", "证据包。"),
    ("vault put:files", "文件。"),
    ("vault get", "取出一条记录；先记访问日志。"),
    ("vault get:record", "记录：EV- 编号或其声明的十六进制编号。"),
    ("vault get:out", "写入各部分的目录。"),
    ("vault get:legal_duty", "法定义务要求：也可取出已限制处理的记录。"),
    ("vault list", "列出记录。"),
    ("vault erase", "在各存放处销毁记录的密钥、盐与密文，并记载于账本。"),
    ("vault erase:record", "记录：EV- 编号或其声明的十六进制编号。"),
    (
        "vault erase:basis",
        "依据：purpose-done、service-ended、consent-withdrawn、unlawful 或 law-asks。",
    ),
    ("vault erase:source", "证据来源；保管库未记时给出。"),
    ("vault erase:number", "该来源的序号；保管库未记时给出。"),
    ("vault erase:off_ledger", "从未登记：不在账本记载。"),
    ("vault verify", "读取全部内容并核对。"),
    ("vault verify:repair", "从完好的存放处修复损坏的段，并再次销毁已删除而又出现的内容。"),
    ("vault log", "查看谁因何对哪条记录做了什么。"),
    ("vault log:record", "仅一条记录：EV- 编号或十六进制编号。"),
    ("vault log:subject", "仅涉及某人的记录，以假名表示。"),
    ("verify", "离线核验证据包或证明：不连节点，不用网络。"),
    ("verify:pack", "证据包、回执或条目证明；或 COSE 回执、日志的一致性证明、见证者状态、检查点。"),
    (
        "verify:files",
        "证据包所证明的文件；已在包内的不必给出。一致性证明旁：两份日志的见证者状态与检查点。",
    ),
    ("verify:genesis", "创世文件：唯一被信任的依据。"),
    ("verify:dir", "核验该目录中的全部证据包与回执。"),
    ("verify:page", "把可在浏览器中离线核验的页面写入新文件。"),
    ("verify:statement", "COSE 回执所证明的签名声明（COSE）。"),
    ("verify:record", "COSE 回执所证明的存证编号：十六进制或 EV- 编号。"),
    ("verify:note_keys", "所信任的见证者或验证节点日志的便笺密钥；可重复给出。"),
    ("verify:sets", "验证者沿革；创世以来更换过验证者时需要。"),
];

/// The command line in a language.
pub(super) fn command(lang: Lang) -> Command {
    match lang {
        Lang::En => Cli::command(),
        Lang::Zh => dress(Cli::command(), ""),
    }
}

fn dress(command: Command, path: &str) -> Command {
    let mut command = command
        .help_template(ZH_TEMPLATE)
        .subcommand_help_heading("命令")
        .mut_args(|arg| dress_arg(arg, path));
    let name = if path.is_empty() { "linli" } else { path };
    if let Some(about) = find(name) {
        command = command.about(about).long_about(None::<&str>);
    }
    command.mut_subcommands(|sub| {
        let path = format!("{path} {}", sub.get_name());
        dress(sub, path.trim_start())
    })
}

fn dress_arg(arg: Arg, path: &str) -> Arg {
    let heading = if arg.is_positional() { "参数" } else { "选项" };
    let arg = arg.help_heading(heading);
    match words_of(&arg, path) {
        Some(text) => arg.help(text).long_help(None::<&str>),
        None => arg,
    }
}

fn words_of(arg: &Arg, path: &str) -> Option<&'static str> {
    let id = arg.get_id();
    find(&format!("{path}:{id}")).or_else(|| find(&format!(":{id}")))
}

fn find(name: &str) -> Option<&'static str> {
    ZH.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn walk(command: &Command, path: &str, visit: &mut dyn FnMut(&Command, &str)) {
        visit(command, path);
        for sub in command.get_subcommands() {
            walk(sub, format!("{path} {}", sub.get_name()).trim_start(), visit);
        }
    }

    #[test]
    fn every_command_and_argument_has_a_chinese_text() {
        let mut missing = Vec::new();
        walk(&Cli::command(), "", &mut |command, path| {
            if find(if path.is_empty() { "linli" } else { path }).is_none() {
                missing.push(path.to_owned());
            }
            for arg in command.get_arguments().filter(|arg| words_of(arg, path).is_none()) {
                missing.push(format!("{path}:{}", arg.get_id()));
            }
        });
        assert_eq!(missing, Vec::<String>::new());
    }

    #[test]
    fn no_chinese_text_is_left_over() {
        let mut known = BTreeSet::from([String::from("linli")]);
        walk(&Cli::command(), "", &mut |command, path| {
            known.insert(path.to_owned());
            for arg in command.get_arguments() {
                known.insert(format!("{path}:{}", arg.get_id()));
                known.insert(format!(":{}", arg.get_id()));
            }
        });
        let spare: Vec<&str> =
            ZH.iter().map(|(name, _)| *name).filter(|name| !known.contains(*name)).collect();
        assert_eq!(spare, Vec::<&str>::new());
    }

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
        command(Lang::Zh).debug_assert();
    }
}
