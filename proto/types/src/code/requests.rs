//! The codes of requests, before a block.

macro_rules! request_codes {
    ($($given:tt)*) => {
        account_codes! {
            $($given)*

            /// The bytes do not follow the schema.
            Malformed = 1001 "MALFORMED" No
                zh: "请求格式不正确：{0}" => "请按接口定义重新生成请求"
                en: "the request does not follow its schema: {0}" => "build the request again from the schema";
            /// Larger than a bound.
            TooLarge = 1002 "TOO_LARGE" No
                zh: "{0} 为 {1}，超过上限 {2}" => "请缩小或拆分后重试"
                en: "{0} is {1}; at most {2} is allowed" => "make it smaller or split it";
            /// For another chain.
            WrongChain = 1003 "WRONG_CHAIN" No
                zh: "请求属于另一条链" => "请核对创世文件与节点地址"
                en: "the request is for another chain" => "check the genesis file and the node's address";
            /// `valid_until` has passed.
            Expired = 1004 "EXPIRED" No
                zh: "请求已过期：有效期至 {0}，区块时间 {1}" => "请用新的交易键、同一业务号重新提交"
                en: "the request expired at {0}; block time is {1}" => "submit again with a new key and the same business id";
            /// `valid_until` lies too far ahead.
            TooDistant = 1005 "TOO_DISTANT" No
                zh: "有效期至 {0}，最远只能到 {1}" => "请把有效期设在十分钟以内，并检查本机时钟"
                en: "valid until {0}, but at most until {1}" => "set the validity to ten minutes or less and check your clock";
            /// The signature does not hold.
            BadSignature = 1006 "BAD_SIGNATURE" No
                zh: "签名不成立" => "请用登记的密钥对原始内容重新签名"
                en: "the signature does not hold" => "sign the exact bytes again with the registered key";
            /// The key is not canonical or of small order.
            BadKey = 1007 "BAD_KEY" No
                zh: "公钥不合规" => "请生成新的密钥"
                en: "the public key is not acceptable" => "make a new key";
            /// No such principal.
            UnknownSender = 1008 "UNKNOWN_SENDER" No
                zh: "账本上没有这个主体" => "请核对主体编号，或先办理登记"
                en: "the ledger knows no such principal" => "check the principal id, or register first";
            /// The key is not the sender's.
            KeyNotOfSender = 1009 "KEY_NOT_OF_SENDER" No
                zh: "签名密钥不属于该主体" => "请使用该主体登记的密钥"
                en: "the signing key does not belong to the sender" => "sign with a key registered for the sender";
            /// The same bytes were executed before.
            Exists = 1010 "EXISTS" No
                zh: "同一请求已受理，结果不变" => "无需重试，请直接查询回执"
                en: "this very request was accepted before; its result stands" => "do not retry; read the receipt";
            /// The same key, other bytes.
            IdConflict = 1011 "ID_CONFLICT" No
                zh: "同一编号已用于另一内容" => "请核对业务内容；新业务请用新编号"
                en: "this id was used for something else" => "check the deed; use a new id for a new one";
            /// No such room.
            UnknownRoom = 1012 "UNKNOWN_ROOM" No
                zh: "没有名为 {0} 的模块" => "用 linli status 查看可用模块"
                en: "there is no room called {0}" => "see `linli status` for the rooms";
            /// No such method.
            UnknownMethod = 1013 "UNKNOWN_METHOD" No
                zh: "模块 {0} 没有方法 {1}" => "请核对方法名"
                en: "room {0} has no method {1}" => "check the method's name";
            /// A personal datum was found.
            PiiSuspected = 1014 "PII_SUSPECTED" No
                zh: "字段 {0} 疑似含个人信息（{1}），未记录任何内容" => "请删除个人信息，只提交摘要或编号"
                en: "field {0} looks like personal data ({1}); nothing was recorded" => "remove it; submit a digest or a code instead";
            /// Too much is waiting.
            Busy = 1015 "BUSY" No
                zh: "等待处理的请求过多" => "请稍后用同一请求重试"
                en: "too many requests are waiting" => "send the same request again in a moment";
            /// The disk is nearly full.
            DiskReserve = 1016 "DISK_RESERVE" No
                zh: "本节点磁盘空间不足，暂停受理" => "请改用其他节点，或联系运维人员"
                en: "this node's disk is nearly full; it accepts nothing for now" => "use another node, or call its administrator";
            /// The node is stopping or catching up.
            Unavailable = 1017 "UNAVAILABLE" No
                zh: "本节点暂时不能受理" => "请改用其他节点或稍后重试"
                en: "this node cannot accept requests now" => "use another node or try again later";
            /// No signed read header, or one that does not hold.
            ReadUnsigned = 1018 "READ_UNSIGNED" No
                zh: "读取请求没有有效签名：{0}" => "请用登记的密钥签署读取请求，并检查本机时钟"
                en: "the read carries no valid signature: {0}" => "sign the read with a registered key and check your clock";
            /// The reader may not read this.
            ReadDenied = 1019 "READ_DENIED" No
                zh: "无权读取" => "请向数据所属方或审计方申请"
                en: "you may not read this" => "ask its owner or an auditor";
            /// Nothing there.
            NotFound = 1020 "NOT_FOUND" No
                zh: "没有找到 {0}" => "请核对编号"
                en: "{0} was not found" => "check the id";
            /// More than a rate allows.
            RateLimited = 1021 "RATE_LIMITED" No
                zh: "请求过于频繁，请在 {0} 毫秒后重试" => "请稍后用同一请求重试，并降低频率"
                en: "too many requests for now; try again in {0} ms" => "send the same request again then, and ask less often";
            /// The access could not be logged.
            AccessUnlogged = 1022 "ACCESS_UNLOGGED" No
                zh: "本节点无法登记此次访问，因此不提供他人的数据" => "请改用其他节点，并通知本节点的运维人员（磁盘可能已满）"
                en: "this node cannot log the access, so it does not show others' data" => "use another node and tell this one's administrator: its disk may be full";
            /// The node is no validator, or not yet: it could not pass the request on.
            NoSeat = 1023 "NO_SEAT" No
                zh: "本节点不是现任验证节点，不能受理" => "请改用其他节点"
                en: "this node is no validator and accepts nothing" => "use another node";
        }
    };
}
